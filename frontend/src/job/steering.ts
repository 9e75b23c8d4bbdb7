/** An act from its button to the service: the question first, then the call. */

import type { WaitingFor } from '../client';
import { call, type Job, uuid } from '../elements/api';
import { asked, type Question } from './confirm-dialog';
import { gateQuestion, pauseQuestion, retryQuestion, stopQuestion } from './questions';
import type { Row } from './target-rows';

/** What an act is about. */
export interface About {
  readonly job: Job;
  readonly rows: readonly Row[];
  /** The targets that a retry would be for. */
  readonly targets: readonly string[];
  readonly gate: WaitingFor | undefined;
}

/** Asks, and knows how to call. One for a page: its retries have one key until one has come through. */
export class Steering {
  private key = uuid();

  /** Ask the reader; return the call to make, null where they thought better of it. */
  async asked(act: string, about: About): Promise<(() => Promise<void>) | null> {
    const question = questionOf(act, about);
    const reason = question ? await asked(question) : '';
    if (reason === null) return null;
    const { job, gate } = about;
    if (act === 'retry') return () => this.retry(job);
    const body = { ...(reason ? { reason } : {}), ...(gate ? { gate: gate.gate } : {}) };
    return async () => {
      await call(`/api/jobs/${job.id}/${act}`, { ...POST, body });
    };
  }

  private async retry(job: Job): Promise<void> {
    const headers = { 'Idempotency-Key': this.key };
    const made = await call<Job>(`/api/jobs/${job.id}/retry`, {
      ...POST,
      body: { only: 'failed' },
      headers,
    });
    this.key = uuid();
    location.assign(`/jobs/${made.id}`);
  }
}

const POST = { method: 'POST' } as const;

/** Resuming asks nothing: pausing again takes it back. */
function questionOf(act: string, { job, rows, targets, gate }: About): Question | null {
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
