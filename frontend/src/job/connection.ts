/** The connection in one sentence: over what, how far, what a resume did. The promise, made visible. */

import { html, nothing, type TemplateResult } from 'lit';
import type { FollowerInfo } from '../client';
import {
  asOfView,
  type ConnectionWords,
  connectionLine,
  lostWords,
} from '../elements/connection-line';
import { serverClock } from '../elements/server-clock';
import { count, plural } from '../text/format';

/** Return what to say of a connection to a job whose events are here up to `seq`. */
export function jobWords(info: FollowerInfo | null, seq: number): ConnectionWords {
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
      return lostWords(info, 'the run goes on, and the page catches up');
  }
}

/** The line itself; `missed` says what was missed, where somebody was away. */
export function connectionView(
  info: FollowerInfo | null,
  seq: number,
  missed: string,
  onTry: () => void,
  asOf: number | null = null,
): TemplateResult {
  const newest = seq
    ? html`<span class="mono" title="The newest event that is here">#${seq}</span>`
    : nothing;
  const parts: (TemplateResult | typeof nothing)[] = [
    newest,
    asOfView(asOf),
    resumed(info, missed),
  ];
  return connectionLine(jobWords(info, seq), parts, onTry);
}

function resumed(info: FollowerInfo | null, missed: string): TemplateResult | typeof nothing {
  if (info?.resumed) {
    const { at, from, caughtUp } = info.resumed;
    return html`<span>resumed from <span class="mono">#${from}</span> at
      <reprise-time at=${new Date(serverClock.fromLocal(at)).toISOString()} form="clock"></reprise-time>, ${plural(caughtUp, 'event')} caught up</span>`;
  }
  if (missed) return html`<span>${missed}</span>`;
  return info?.state === 'ended' ? html`<span>every event is here</span>` : nothing;
}
