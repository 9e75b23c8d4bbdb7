/** The connection of the jobs page in one sentence. */

import { html, nothing, type TemplateResult } from 'lit';
import type { FeedInfo } from '../client/index';
import {
  asOfView,
  type ConnectionWords,
  connectionLine,
  lostWords,
} from '../elements/connection-line';
import { serverClock } from '../elements/server-clock';
import { plural } from '../text/format';

/** Return what to say of a connection to the feed; `pollS` is how often the list is asked for without. */
export function feedWords(info: FeedInfo | null, pollS: number): ConnectionWords {
  switch (info?.state) {
    case 'live':
      return { tone: 'live', words: 'live over WebSocket' };
    case 'quiet':
      return { tone: 'busy', words: 'no signal over WebSocket: the list may be behind' };
    case 'blocked':
      return {
        tone: 'live',
        words: `no WebSocket gets through here; the list is asked for every ${pollS} s`,
      };
    default:
      return lostWords(info, 'runs go on, and the list catches up');
  }
}

/** The line itself. */
export function feedView(
  info: FeedInfo | null,
  pollS: number,
  onTry: () => void,
  asOf: number | null = null,
): TemplateResult {
  return connectionLine(feedWords(info, pollS), [asOfView(asOf), resumed(info)], onTry);
}

function resumed(info: FeedInfo | null): TemplateResult | typeof nothing {
  if (info?.state !== 'live' || !info.resumed) return nothing;
  const { at, jobs } = info.resumed;
  return html`<span>resumed at <reprise-time at=${new Date(serverClock.fromLocal(at)).toISOString()} form="clock"></reprise-time>,
    ${jobs ? `${plural(jobs, 'job')} had moved` : 'nothing was missed'}</span>`;
}
