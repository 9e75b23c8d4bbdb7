/** Performs an action: asks for confirmation, then calls the service. */

import type { WaitingFor } from '../client';
import { callApi, createKey, type Job } from '../elements/api';
import { askToConfirm, type Question } from './confirm-dialog';
import { gateQuestion, pauseQuestion, retryQuestion, stopQuestion } from './questions';
import type { TargetRow } from './target-rows';

/** What an action applies to. */
export interface ActionContext {
  readonly job: Job;
  readonly rows: readonly TargetRow[];
  /** The targets that a retry would be for. */
  readonly targets: readonly string[];
  readonly gate: WaitingFor | undefined;
}

/** Asks and calls; one per page. Retries keep their idempotency key until one succeeds. */
export class Steering {
  private idempotencyKey = createKey();

  /** Ask the reader; return the function that calls the service, or null if they cancel. */
  async confirmAction(act: string, about: ActionContext): Promise<(() => Promise<void>) | null> {
    const question = questionFor(act, about);
    const reason = question ? await askToConfirm(question) : '';
    if (reason === null) return null;
    const { job, gate } = about;
    if (act === 'retry') return () => this.retry(job);
    const body = { ...(reason ? { reason } : {}), ...(gate ? { gate: gate.gate } : {}) };
    return async () => {
      await callApi(`/api/jobs/${job.id}/${act}`, { ...POST, body });
    };
  }

  private async retry(job: Job): Promise<void> {
    const headers = { 'Idempotency-Key': this.idempotencyKey };
    const made = await callApi<Job>(`/api/jobs/${job.id}/retry`, {
      ...POST,
      body: { only: 'failed' },
      headers,
    });
    this.idempotencyKey = createKey();
    location.assign(`/jobs/${made.id}`);
  }
}

const POST = { method: 'POST' } as const;

/** Resuming asks nothing, because pausing undoes it. */
function questionFor(act: string, { job, rows, targets, gate }: ActionContext): Question | null {
  switch (act) {
    case 'cancel':
      return stopQuestion(job, rows);
    case 'pause':
      return pauseQuestion(job, rows);
    case 'retry':
      return retryQuestion(targets);
    case 'approve':
    case 'reject':
      return gate ? gateQuestion(act, job, gate) : null;
    default:
      return null;
  }
}
