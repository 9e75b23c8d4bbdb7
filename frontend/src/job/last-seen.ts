/** Remembers the last seq that this tab has shown of a job, so that a reload can say what was missed. */

import { keep, recall } from '../client';
import { parseObject } from '../client/json';
import { serverClock } from '../elements/server-clock';
import { clockTime, plural } from '../text/format';

interface Seen {
  readonly seq: number;
  readonly at: number;
}

const storageKey = (job: string) => `reprise:seen:${job}`;

/** Remember that the page has shown everything up to `seq`. */
export function rememberSeen(job: string, seq: number): void {
  if (seq) keep('sessionStorage', storageKey(job), JSON.stringify({ seq, at: serverClock.now() }));
}

/** Return what was seen last, or null. */
export function recallSeen(job: string): Seen | null {
  const seen = parseObject(recall('sessionStorage', storageKey(job)) ?? '');
  return typeof seen?.seq === 'number' && typeof seen.at === 'number'
    ? { seq: seen.seq, at: seen.at }
    : null;
}

/** Describe the events since then; `''` if there are none. */
export function missedEventsWords(seen: Seen | null, seq: number): string {
  if (!seen || seq < seen.seq) return '';
  const events = seq - seen.seq;
  if (!events) return '';
  const when = clockTime(new Date(seen.at));
  return `resumed from #${seen.seq}, seen at ${when}: ${plural(events, 'event')} caught up`;
}
