/** The questions before an action, which say what it will do. */

import type { WaitingFor } from '../client';
import type { Job } from '../elements/api';
import { listNames } from '../text/event-words';
import { actorName, count, plural } from '../text/format';
import type { Question } from './confirm-dialog';
import type { TargetRow } from './target-rows';

const REASON_LABEL = 'Reason, for the history (optional)';

/** The question of the Stop button. */
export function stopQuestion(job: Job, rows: readonly TargetRow[]): Question {
  if (!job.started_at) {
    return {
      title: `Cancel “${job.title}”?`,
      consequences: ['It has not begun, so nothing was changed on any server.'],
      confirm: 'Cancel job',
      cancel: 'Keep it',
      danger: true,
    };
  }
  return {
    title: `Stop “${job.title}”?`,
    consequences: stopConsequences(job, rows),
    confirm: 'Stop run',
    cancel: 'Keep it running',
    danger: true,
    reason: REASON_LABEL,
  };
}

function stopConsequences(job: Job, rows: readonly TargetRow[]): string[] {
  const busy = countRunning(rows);
  const idle = rows.filter((row) => row.status === 'pending').length;
  return [
    busy
      ? `${plural(busy, 'server')} ${isOrAre(busy)} in the middle of the steps: a running step gets a few seconds to end, then the run puts back what it began.`
      : 'A running step gets a few seconds to end.',
    ...(job.done ? [`What is done stays done: ${count(job.done)} of ${count(job.total)}.`] : []),
    ...(idle
      ? [`${plural(idle, 'server')} not begun yet ${idle === 1 ? 'stays' : 'stay'} as now.`]
      : []),
    'A stopped run does not go on later; you can start a new one.',
  ];
}

/** The question of the Pause button. */
export function pauseQuestion(job: Job, rows: readonly TargetRow[]): Question {
  const busy = countRunning(rows);
  const begun = [
    'Steps that run now end first, then nothing goes on until somebody resumes it.',
    ...(busy
      ? [
          `${plural(busy, 'server')} ${isOrAre(busy)} in the middle of the steps and ${busy === 1 ? 'stays' : 'stay'} there: what is drained stays drained.`,
        ]
      : []),
  ];
  return {
    title: `Pause “${job.title}”?`,
    consequences: job.started_at ? begun : ['It does not begin until somebody resumes it.'],
    confirm: job.started_at ? 'Pause run' : 'Pause job',
    cancel: 'Go on',
    reason: REASON_LABEL,
  };
}

/** The question of the Approve and Reject buttons. */
export function gateQuestion(act: 'approve' | 'reject', job: Job, gate: WaitingFor): Question {
  const asks = gate.words ? [`The run asks: ${gate.words}`] : [];
  const by = `It was submitted by ${actorName(job.submitted_by)}.`;
  const common = { cancel: 'Not now', reason: REASON_LABEL };
  if (act === 'approve') {
    return {
      title: `Approve “${gate.gate}”?`,
      consequences: [...asks, by, 'The run goes on at once.'],
      confirm: 'Approve',
      ...common,
    };
  }
  return {
    title: `Reject “${gate.gate}”?`,
    consequences: [...asks, by, 'The run fails, saying who rejected it and why.'],
    confirm: 'Reject',
    danger: true,
    ...common,
  };
}

/** The question of the Retry button; `targets` are those without success. */
export function retryQuestion(targets: readonly string[]): Question {
  return {
    title: `Retry ${plural(targets.length, 'server')}?`,
    consequences: [
      `A new job does the same again on ${listNames(targets, 6)}.`,
      'This one stays as it is, and links to the new one.',
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
