/** Performs an action: asks what it will do, then calls the service. */

import type { TemplateResult } from 'lit';
import type { WaitingFor } from '../client';
import { callApi, createKey, type Job } from '../elements/api';
import { listNames } from '../text/event-words';
import { count, plural } from '../text/format';
import { unsuccessfulTargets } from './actions';
import { askToConfirm, type Question } from './confirm-dialog';
import { gateFacts } from './gate';
import type { RunModel } from './run-model';
import type { TargetRow } from './target-rows';

const REASON_LABEL = 'Reason, for the history (optional)';

/** What an action applies to. */
export interface ActionContext {
  readonly job: Job;
  readonly run: RunModel;
  readonly gate: WaitingFor | undefined;
}

/** What `GET /api/jobs/<id>/fork` answers. */
export interface ForkPlan {
  readonly seq: number;
  /** From where the new job goes on: `step restart`. */
  readonly words: string;
  /** The number of steps that are kept. */
  readonly kept: number;
  /** The targets (null: what has none) with a step that runs again, and the number of others. */
  readonly rows: readonly {
    readonly target: string | null;
    readonly kept: number;
    readonly again: string;
  }[];
  readonly rows_more: number;
}

/** The actions that make a job, and what they send. */
const NEW_JOBS: Readonly<Record<string, object>> = {
  retry: { only: 'failed' },
  fork: { at: 'failed' },
};

/** Asks and calls; one per page. What makes a job keeps its idempotency key until it succeeds. */
export class Steering {
  private idempotencyKey = createKey();

  /** Ask the reader; return the function that calls the service, or null if they cancel. */
  async confirmAction(act: string, about: ActionContext): Promise<(() => Promise<void>) | null> {
    const question = await questionFor(act, about);
    const reason = question ? await askToConfirm(question) : '';
    if (reason === null) return null;
    const { job, gate } = about;
    const wish = NEW_JOBS[act];
    const given = { ...(reason ? { reason } : {}), ...(gate ? { gate: gate.gate } : {}) };
    const body = wish ?? given;
    const headers = wish ? { 'Idempotency-Key': `${act}-${this.idempotencyKey}` } : {};
    return async () => {
      const path = `/api/jobs/${job.id}/${act}`;
      const answer = await callApi<Job>(path, { method: 'POST', body, headers });
      if (!wish) return;
      this.idempotencyKey = createKey();
      location.assign(`/jobs/${answer.id}`);
    };
  }
}

/** Resuming asks nothing, because pausing undoes it. Throws what `callApi` throws. */
async function questionFor(
  act: string,
  { job, run, gate }: ActionContext,
): Promise<Question | null> {
  switch (act) {
    case 'cancel':
      return stopQuestion(job, run.rows.all);
    case 'pause':
      return pauseQuestion(job, run.rows.all);
    case 'retry':
      return retryQuestion(unsuccessfulTargets(run.view, job.plan));
    case 'fork':
      return forkQuestion(await callApi<ForkPlan>(`/api/jobs/${job.id}/fork`));
    case 'approve':
    case 'reject':
      return gate ? gateQuestion(act, gate, gateFacts({ job, run })) : null;
    default:
      return null;
  }
}

/** The question of the Stop button. */
export function stopQuestion(job: Job, rows: readonly TargetRow[]): Question {
  const started = job.started_at !== null;
  const untouched = 'It has not started, so nothing was changed on any server.';
  return {
    title: `${started ? 'Stop' : 'Cancel'} “${job.title}”?`,
    consequences: started ? stopConsequences(job, rows) : [untouched],
    confirm: started ? 'Stop run' : 'Cancel job',
    cancel: started ? 'Keep it running' : 'Keep it',
    danger: true,
    ...(started ? { reason: REASON_LABEL } : {}),
  };
}

function stopConsequences(job: Job, rows: readonly TargetRow[]): string[] {
  const busy = countRunning(rows);
  const idle = rows.filter((row) => row.status === 'pending').length;
  return [
    busy
      ? `${plural(busy, 'server')} ${isOrAre(busy)} in the middle of the steps: a running step gets a few seconds to end, then the run rolls back what it started.`
      : 'A running step gets a few seconds to end.',
    ...(job.done ? [`What is done stays done: ${count(job.done)} of ${count(job.total)}.`] : []),
    ...(idle
      ? [`${plural(idle, 'server')} not started yet ${idle === 1 ? 'stays' : 'stay'} unchanged.`]
      : []),
    'A stopped run cannot be resumed; you can start a new one.',
  ];
}

/** The question of the Pause button. */
export function pauseQuestion(job: Job, rows: readonly TargetRow[]): Question {
  const busy = countRunning(rows);
  const begun = [
    'Running steps end first; nothing else starts until somebody resumes the run.',
    ...(busy
      ? [
          `${plural(busy, 'server')} ${isOrAre(busy)} in the middle of the steps and ${busy === 1 ? 'stays' : 'stay'} there: what is drained stays drained.`,
        ]
      : []),
  ];
  return {
    title: `Pause “${job.title}”?`,
    consequences: job.started_at ? begun : ['It does not start until somebody resumes it.'],
    confirm: job.started_at ? 'Pause run' : 'Pause job',
    cancel: 'Do not pause',
    reason: REASON_LABEL,
  };
}

/** The question of the Approve and Reject buttons; `details` is what would run. */
export function gateQuestion(
  act: 'approve' | 'reject',
  gate: WaitingFor,
  details: TemplateResult,
): Question {
  const asks = gate.words ? [`The run asks: ${gate.words}`] : [];
  const approves = act === 'approve';
  const outcome = approves
    ? 'The run continues at once.'
    : 'The run fails; the history says who rejected it and why.';
  const confirm = approves ? 'Approve' : 'Reject';
  return {
    title: `${confirm} “${gate.gate}”?`,
    consequences: [...asks, outcome],
    details,
    confirm,
    cancel: 'Not now',
    danger: !approves,
    reason: REASON_LABEL,
  };
}

/** The question of the Retry button; `targets` are those without success. */
export function retryQuestion(targets: readonly string[]): Question {
  return {
    title: `Retry ${plural(targets.length, 'server')}?`,
    consequences: [
      `A new job repeats the run on ${listNames(targets, 6)}.`,
      'This job does not change, and links to the new one.',
    ],
    confirm: 'Start retry',
    cancel: 'Not now',
  };
}

/** The question of the Resume button: what is kept, and what runs again. */
export function forkQuestion({ words, kept, rows, rows_more: more }: ForkPlan): Question {
  const goOn = rows.filter((row) => row.kept > 0);
  const startOver = rows.filter((row) => row.kept === 0);
  const named = (list: typeof rows) =>
    listNames(
      list.map((row) => row.target ?? 'The run'),
      6,
    );
  const steps = [...new Set(goOn.map((row) => row.again))];
  return {
    title: `Resume from ${words}?`,
    consequences: [
      `A new job keeps ${plural(kept, 'recorded step')} and does not run ${kept === 1 ? 'it' : 'them'} again.`,
      ...(goOn.length ? [`${named(goOn)}: from ${listNames(steps, 4)} on.`] : []),
      ...(startOver.length ? [`${named(startOver)}: from the beginning.`] : []),
      ...(more ? [`${plural(more, 'more server')} with steps that run again.`] : []),
      'Servers that were not reached follow as planned. Approvals are asked for again.',
      'This job does not change, and links to the new one.',
    ],
    confirm: 'Resume',
    cancel: 'Not now',
  };
}

function countRunning(rows: readonly TargetRow[]): number {
  return rows.filter((row) => row.status === 'running').length;
}

function isOrAre(servers: number): string {
  return servers === 1 ? 'is' : 'are';
}
