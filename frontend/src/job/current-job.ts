/** A job as the page shows it now: the API's row, with what the events have changed since. */

import type { JobView } from '../client';
import type { Job } from '../elements/api';
import { reveal } from '../text/characters';
import { possibleActions } from './actions';

/** Return the job as of the newest event, or as of the API's answer if that is newer. */
export function jobAsOf(row: Job, view: JobView): Job {
  const { status } = view;
  if (status === '' || view.head < row.head) {
    return { ...row, total: row.total || plannedTotal(row) };
  }
  const { steps: _steps, submitted: _submitted, result: _result, ...rest } = view;
  const total = view.total || plannedTotal(row);
  return { ...row, ...rest, status, total, can: possibleActions(row.can, status) };
}

/** Return the job as it was at a past moment: nothing can be done to it there. */
export function jobAtMoment(row: Job, view: JobView): Job {
  const { steps: _steps, submitted: _submitted, result: _result, status, ...rest } = view;
  const total = view.total || plannedTotal(row);
  return { ...row, ...rest, status: status || 'queued', total, can: [], refused: {} };
}

/** The title of the browser's tab: outcome or progress, and the job's title. */
export function titleOf(job: Job): string {
  const sign = { succeeded: '✓ ', failed: '✕ ', cancelled: '⊘ ' }[job.status as string] ?? '';
  const share = !job.finished_at && job.total ? `${job.done}/${job.total} ` : '';
  return `${sign}${share}${reveal(job.title)} · Reprise`;
}

/** The number of targets in the plan: the total until the run reports one. */
function plannedTotal(job: Job): number {
  return job.plan.groups?.reduce((sum, group) => sum + group.targets.length, 0) ?? 0;
}

/**
 * Whether a job stands otherwise than it was drawn, so that more has to be read of it. At first it is
 * held against its row: the page may be older than the state that came after it.
 */
export function isOther(view: JobView, drawn: JobView | null, row: Job): boolean {
  if (view.head < row.head) return false;
  if (!drawn) return view.status !== row.status;
  return view.status !== drawn.status || view.waiting_for !== drawn.waiting_for;
}
