/** The connection of the jobs page in one sentence, as the job page has it. */

import { html, nothing, type TemplateResult } from 'lit';
import type { FeedInfo } from '../client';
import { plural } from '../text/format';

interface Words {
  readonly tone: 'live' | 'busy' | 'lost';
  readonly words: string;
  /** Whether the next try can be had now. */
  readonly act?: string;
}

/** Return what to say of a connection to the feed; `pollS` is how often the list is asked for without. */
export function feedWords(info: FeedInfo | null, pollS: number): Words {
  switch (info?.state) {
    case 'live':
      return { tone: 'live', words: 'live over WebSocket' };
    case 'blocked':
      return {
        tone: 'live',
        words: `no WebSocket gets through here; the list is asked for every ${pollS} s`,
      };
    case 'reconnecting':
      return { tone: 'lost', words: 'connection lost', act: 'Try now' };
    case 'offline':
      return {
        tone: 'lost',
        words:
          'this device is offline; runs go on, and the list catches up when the network is back',
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
      return { tone: 'lost', words: 'no connection yet', act: 'Try now' };
  }
}

/** The line itself. */
export function feedView(info: FeedInfo | null, pollS: number, onTry: () => void): TemplateResult {
  const { tone, words, act } = feedWords(info, pollS);
  return html`<div class="connection is-${tone}">
    <i class="connection-dot" aria-hidden="true"></i>
    <div class="connection-parts">
      <span role="status">${words}${act === 'Try now' ? retry(info) : nothing}</span>
      ${resumed(info)}
      ${act ? html`<button class="tool" @click=${onTry}>${act}</button>` : nothing}
    </div>
  </div>`;
}

function retry(info: FeedInfo | null): TemplateResult | string {
  if (!info || info.nextTryAt === null) return ', trying again';
  return html`, trying again <reprise-until at=${new Date(info.nextTryAt).toISOString()}></reprise-until>`;
}

function resumed(info: FeedInfo | null): TemplateResult | typeof nothing {
  if (info?.state !== 'live' || !info.resumed) return nothing;
  const { at, jobs } = info.resumed;
  return html`<span>resumed at <reprise-time at=${new Date(at).toISOString()} form="clock"></reprise-time>,
    ${jobs ? `${plural(jobs, 'job')} had moved` : 'nothing was missed'}</span>`;
}
