/** Performs an action: asks for confirmation, then calls the service. */

import type { WaitingFor } from '../client';
import { callApi, createKey, type Job } from '../elements/api';
import { unsuccessfulTargets } from './actions';
import { askToConfirm, type Question } from './confirm-dialog';
import { gateFacts } from './gate';
import { gateQuestion, pauseQuestion, retryQuestion, stopQuestion } from './questions';
import type { RunModel } from './run-model';

/** What an action applies to. */
export interface ActionContext {
  readonly job: Job;
  readonly run: RunModel;
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
    const retries = act === 'retry';
    const given = { ...(reason ? { reason } : {}), ...(gate ? { gate: gate.gate } : {}) };
    const body = retries ? { only: 'failed' } : given;
    const headers = retries ? { 'Idempotency-Key': this.idempotencyKey } : {};
    return async () => {
      const path = `/api/jobs/${job.id}/${act}`;
      const answer = await callApi<Job>(path, { method: 'POST', body, headers });
      if (!retries) return;
      this.idempotencyKey = createKey();
      location.assign(`/jobs/${answer.id}`);
    };
  }
}

/** Resuming asks nothing, because pausing undoes it. */
function questionFor(act: string, { job, run, gate }: ActionContext): Question | null {
  switch (act) {
    case 'cancel':
      return stopQuestion(job, run.rows.all);
    case 'pause':
      return pauseQuestion(job, run.rows.all);
    case 'retry':
      return retryQuestion(unsuccessfulTargets(run.view, job.plan));
    case 'approve':
    case 'reject':
      return gate ? gateQuestion(act, gate, gateFacts({ job, run })) : null;
    default:
      return null;
  }
}
