/** What stopping a run will do, said before it is done. */

import type { Job } from '../elements/api';
import { count, plural } from '../text/format';
import type { Question } from './confirm';
import type { Row } from './rows';

/** The question that the Stop button asks. */
export function stopQuestion(job: Job, rows: readonly Row[]): Question {
  if (!job.started_at) {
    return {
      title: `Cancel “${job.title}”?`,
      consequences: ['It has not begun, so nothing was changed on any server.'],
      act: 'Cancel job',
      keep: 'Keep it',
    };
  }
  return {
    title: `Stop “${job.title}”?`,
    consequences: consequences(job, rows),
    act: 'Stop run',
    keep: 'Keep it running',
  };
}

function consequences(job: Job, rows: readonly Row[]): string[] {
  const busy = rows.filter((row) => row.status === 'running').length;
  const idle = rows.filter((row) => row.status === 'pending').length;
  const are = busy === 1 ? 'is' : 'are';
  return [
    busy
      ? `${plural(busy, 'server')} ${are} in the middle of the steps: a running step gets a few seconds to end, then the run puts back what it began.`
      : 'A running step gets a few seconds to end.',
    ...(job.done ? [`What is done stays done: ${count(job.done)} of ${count(job.total)}.`] : []),
    ...(idle
      ? [`${plural(idle, 'server')} not begun yet ${idle === 1 ? 'stays' : 'stay'} as now.`]
      : []),
    'A stopped run does not go on later; you can start a new one.',
  ];
}
