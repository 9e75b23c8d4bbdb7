/** Whether a job's history is what was appended: asking the service, and its answer in words. */

import { type callApi, describeError } from '../elements/api';
import { count, plural } from '../text/format';

/** What `GET /api/jobs/<id>/verify` answers. */
export type Verdict =
  | { readonly ok: true; readonly head: number; readonly hash: string }
  | { readonly ok: false; readonly seq: number; readonly reason: string };

/** What is known: nothing asked yet, being checked, checked, or that there was no answer. */
export type HistoryCheck = 'unasked' | 'checking' | Verdict | { readonly error: string };

/** How a check is shown: `tone` is that of a status, `detail` is for the hover. */
export interface CheckWords {
  readonly tone: '' | 'succeeded' | 'failed';
  readonly words: string;
  readonly detail: string;
  /** What the button says; '' for none. */
  readonly act: string;
}

/** Have the service check every event of a job; never throws. */
export async function checkHistory(job: string, ask: typeof callApi): Promise<HistoryCheck> {
  try {
    return await ask<Verdict>(`/api/jobs/${job}/verify`);
  } catch (error) {
    return { error: describeError(error) };
  }
}

/** The check in words. */
export function describeCheck(known: HistoryCheck): CheckWords {
  if (known === 'unasked') return { tone: '', words: '', detail: '', act: 'verify' };
  if (known === 'checking') return { tone: '', words: 'checking every event', detail: '', act: '' };
  if ('error' in known) {
    return { tone: 'failed', words: `not verified: ${known.error}`, detail: '', act: 'try again' };
  }
  if (known.ok) {
    const detail = `Every hash up to #${count(known.head)} holds, the last is ${known.hash}`;
    return {
      tone: 'succeeded',
      words: `${plural(known.head, 'event')} verified`,
      detail,
      act: 'again',
    };
  }
  const words = `the history is not what was written, from #${count(known.seq)} on. ${known.reason}`;
  return { tone: 'failed', words, detail: '', act: 'again' };
}
