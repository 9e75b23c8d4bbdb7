/** Reads a job's state as the server folds it. */

import { type JobView, NOTHING, type StepView, stepKey } from '../client';
import { callApi } from '../elements/api';

type StateAnswer = Omit<JobView, 'steps' | 'submitted' | 'failed_targets' | 'result'> & {
  readonly seq: number;
  readonly steps: readonly StepView[];
  /** The `steps_after` of the next steps; null if these are the last. */
  readonly steps_next: number | null;
};

/** Return a job's state at its head, or at a seq, with all steps. Throws what `callApi` throws. */
export async function fetchState(job: string, at?: number): Promise<JobView> {
  const moment = at === undefined ? '' : `?at=${at}`;
  const first = await callApi<StateAnswer>(`/api/jobs/${job}${moment}`);
  const steps = [...first.steps];
  for (let after = first.steps_next; after !== null; ) {
    const path = `/api/jobs/${job}?at=${first.seq}&steps_after=${after}`;
    const more = await callApi<StateAnswer>(path);
    steps.push(...more.steps);
    after = more.steps_next;
  }
  const { status, done, total, failed, attempt, head_hash, message, waiting_for } = first;
  const { submitted_at, started_at, finished_at, last_at } = first;
  return {
    ...NOTHING,
    ...{ status, done, total, failed, attempt, head_hash, message, waiting_for },
    ...{ submitted_at, started_at, finished_at, last_at },
    head: first.seq,
    steps: new Map(steps.map((one) => [stepKey(one.step, one.target, one.occurrence), one])),
  };
}
