/** The questions before an action, which say what it will do. */

import type { WaitingFor } from '../client';
import type { Job } from '../elements/api';
import { listNames } from '../text/event-words';
import { count, plural, submitterName } from '../text/format';
import type { Question } from './confirm-dialog';
import type { TargetRow } from './target-rows';

const REASON_LABEL = 'Reason, for the history (optional)';

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

/** The question of the Approve and Reject buttons. */
export function gateQuestion(act: 'approve' | 'reject', job: Job, gate: WaitingFor): Question {
  const asks = gate.words ? [`The run asks: ${gate.words}`] : [];
  const by = `It was submitted by ${submitterName(job)}.`;
  const approves = act === 'approve';
  const outcome = approves
    ? 'The run continues at once.'
    : 'The run fails; the history says who rejected it and why.';
  const confirm = approves ? 'Approve' : 'Reject';
  return {
    title: `${confirm} “${gate.gate}”?`,
    consequences: [...asks, by, outcome],
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

function countRunning(rows: readonly TargetRow[]): number {
  return rows.filter((row) => row.status === 'running').length;
}

function isOrAre(servers: number): string {
  return servers === 1 ? 'is' : 'are';
}
