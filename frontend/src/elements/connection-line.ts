/** The line that says how a page is connected: over what, how far, and what a resume did. */

import { nothing, type TemplateResult } from 'lit';
import type { FeedInfo, FollowerInfo } from '../client';
import { clockTime, count, plural } from '../text/format';
import { html } from '../text/html';
import { serverClock } from './server-clock';

/** What the follower of a job and that of the feed have in common. */
export type ConnectionInfo = Pick<FollowerInfo, 'nextTryAt' | 'error'> & { readonly state: string };

/** A sentence on the connection. */
interface ConnectionWords {
  readonly tone: 'live' | 'busy' | 'ended' | 'lost';
  readonly words: string;
  /** When the next try is due, ms since the epoch; null for now; undefined without one. */
  readonly tryAt?: number | null;
  /** The label of the button, if there is something to do. */
  readonly action?: string;
}

type Part = TemplateResult | typeof nothing;

/** Describe the connection of a job page that has the events up to `seq`. */
export function jobConnectionWords(info: FollowerInfo | null, seq: number): ConnectionWords {
  const over = info?.transport ? ` over ${info.transport}` : '';
  switch (info?.state) {
    case 'live':
      return { tone: 'live', words: `live${over}` };
    case 'quiet':
      return { tone: 'busy', words: `no signal${over}: there may be more` };
    case 'catching_up':
      return { tone: 'busy', words: `catching up${over}: ${count(seq)} of ${count(info.head)}` };
    case 'ended':
      return { tone: 'ended', words: `complete${over}` };
    default:
      return lostWords(info, 'the run continues, and the page catches up');
  }
}

/** Describe the connection of the jobs page; without a feed the list is polled every `pollS` seconds. */
export function feedConnectionWords(info: FeedInfo | null, pollS: number): ConnectionWords {
  const blocked = `no WebSocket gets through here; the list is read every ${pollS} s`;
  switch (info?.state) {
    case 'live':
      return { tone: 'live', words: 'live over WebSocket' };
    case 'quiet':
      return { tone: 'busy', words: 'no signal over WebSocket: the list may be behind' };
    case 'blocked':
      return { tone: 'live', words: blocked };
    default:
      return lostWords(info, 'runs continue, and the list catches up');
  }
}

function lostWords(info: ConnectionInfo | null, meanwhile: string): ConnectionWords {
  const lost = { tone: 'lost', action: 'Try now' } as const;
  const offline = `this device is offline; ${meanwhile} when the network is back`;
  switch (info?.state) {
    case 'reconnecting':
      return { ...lost, words: 'connection lost', tryAt: info.nextTryAt };
    case 'offline':
      return { ...lost, words: offline };
    case 'failed': {
      const words = info.error?.message ?? 'The connection was refused.';
      return { tone: 'lost', words, action: 'Try again' };
    }
    default:
      if (!info || info.nextTryAt === null) return { tone: 'busy', words: 'connecting' };
      return { ...lost, words: 'no connection yet', tryAt: info.nextTryAt };
  }
}

/** Whether the page's content is current; null if the connection does not say, so that nothing changes. */
export function isCurrent(info: ConnectionInfo): boolean | null {
  if (['live', 'blocked', 'ended'].includes(info.state)) return true;
  if (info.state === 'catching_up') return null;
  return ['idle', 'connecting'].includes(info.state) && info.error === null ? null : false;
}

/**
 * The line of a job page; `missed` says what happened since the tab last showed the job, `isWhole` whether
 * everything that is in view is here.
 */
export function jobConnectionLine(
  info: FollowerInfo | null,
  seq: number,
  missed: string,
  onTry: () => void,
  isWhole = true,
): TemplateResult {
  let resumed: Part = missed ? html`<span>${missed}</span>` : nothing;
  if (info?.resumed) {
    const { at, from, caughtUp } = info.resumed;
    resumed = html`<span>resumed from <span class="mono">#${from}</span> at
      ${localClock(at)}, ${plural(caughtUp, 'event')} caught up</span>`;
  } else if (!missed && isWhole && info?.state === 'ended' && seq >= info.seq) {
    resumed = html`<span>every event is here</span>`;
  }
  const newest = seq
    ? html`<span class="mono" title="The newest event that is here">#${seq}</span>`
    : nothing;
  return connectionLine(jobConnectionWords(info, seq), newest, resumed, onTry);
}

/** The line of the jobs page. */
export function feedConnectionLine(
  info: FeedInfo | null,
  pollS: number,
  onTry: () => void,
): TemplateResult {
  let resumed: Part = nothing;
  if (info?.state === 'live' && info.resumed) {
    const { at, jobs } = info.resumed;
    const words = jobs ? `${plural(jobs, 'job')} had changed` : 'nothing was missed';
    resumed = html`<span>resumed at ${localClock(at)}, ${words}</span>`;
  }
  return connectionLine(feedConnectionWords(info, pollS), nothing, resumed, onTry);
}

function connectionLine(
  { tone, words, tryAt, action }: ConnectionWords,
  newest: Part,
  resumed: Part,
  onTry: () => void,
): TemplateResult {
  const { frozenAt } = serverClock;
  return html`<div class="connection is-${tone}">
    <i class="connection-dot" aria-hidden="true"></i>
    <div class="connection-parts">
      <span role="status">${words}${nextTry(tryAt)}</span>
      ${newest}
      ${
        frozenAt === null
          ? nothing
          : html`<span class="connection-as-of">as of <span class="mono">${clockTime(new Date(frozenAt))}</span></span>`
      }
      ${resumed}
      ${action ? html`<button class="tool" @click=${onTry}>${action}</button>` : nothing}
    </div>
  </div>`;
}

/** An instant of the reader's clock, ms since the epoch, as a time of the server's clock. */
function localClock(at: number): TemplateResult {
  const instant = new Date(serverClock.fromLocal(at)).toISOString();
  return html`<reprise-time at=${instant} form="clock"></reprise-time>`;
}

function nextTry(at: number | null | undefined): TemplateResult | string {
  if (at === undefined) return '';
  if (at === null) return ', trying again';
  return html`, trying again <reprise-until own at=${new Date(at).toISOString()}></reprise-until>`;
}
