/** How a page is connected, in one line: what every page says of it in the same words. */

import { html, nothing, type TemplateResult } from 'lit';
import type { FollowerInfo } from '../client';
import { clockTime } from '../text/format';

/** What a follower of a job and one of the feed both say of their connection. */
export type Connection = Pick<FollowerInfo, 'nextTryAt' | 'error'> & { readonly state: string };

/** A sentence on the connection. */
export interface ConnectionWords {
  readonly tone: 'live' | 'busy' | 'ended' | 'lost';
  readonly words: string;
  /** When the next try is due, ms since the epoch; null for now; undefined where none is waited for. */
  readonly tryAt?: number | null;
  /** What can be done about it now. */
  readonly act?: string;
}

type Part = TemplateResult | typeof nothing;

/** Return what to say while nothing comes; `meanwhile` is what goes on without a network. */
export function lostWords(info: Connection | null, meanwhile: string): ConnectionWords {
  switch (info?.state) {
    case 'reconnecting':
      return { tone: 'lost', words: 'connection lost', tryAt: info.nextTryAt, act: 'Try now' };
    case 'offline':
      return {
        tone: 'lost',
        words: `this device is offline; ${meanwhile} when the network is back`,
        act: 'Try now',
      };
    case 'failed':
      return {
        tone: 'lost',
        words: info.error?.message ?? 'The connection was refused.',
        act: 'Try again',
      };
    default:
      if (!info || info.nextTryAt === null) return { tone: 'busy', words: 'connecting' };
      return { tone: 'lost', words: 'no connection yet', tryAt: info.nextTryAt, act: 'Try now' };
  }
}

/** Whether what a page shows is so now, or was when it last knew; null: as before. */
export function isCurrent(info: Connection): boolean | null {
  if (['live', 'blocked', 'ended'].includes(info.state)) return true;
  if (info.state === 'catching_up') return null;
  return ['idle', 'connecting'].includes(info.state) && info.error === null ? null : false;
}

/** As of when the page shows things, where that is not now. */
export function asOfView(asOf: number | null): Part {
  if (asOf === null) return nothing;
  return html`<span class="connection-as-of">as of <span class="mono">${clockTime(new Date(asOf))}</span></span>`;
}

/** The line itself, with what a page adds to the sentence. */
export function connectionLine(
  { tone, words, tryAt, act }: ConnectionWords,
  parts: readonly Part[],
  onTry: () => void,
): TemplateResult {
  return html`<div class="connection is-${tone}">
    <i class="connection-dot" aria-hidden="true"></i>
    <div class="connection-parts">
      <span role="status">${words}${retry(tryAt)}</span>
      ${parts}
      ${act ? html`<button class="tool" @click=${onTry}>${act}</button>` : nothing}
    </div>
  </div>`;
}

function retry(at: number | null | undefined): TemplateResult | string {
  if (at === undefined) return '';
  if (at === null) return ', trying again';
  return html`, trying again <reprise-until own at=${new Date(at).toISOString()}></reprise-until>`;
}
