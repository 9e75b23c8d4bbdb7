/** The button that has the service check every event of a job, and its answer in words. */

import { nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { callApi, describeError } from '../elements/api';
import { glyph, LightElement } from '../elements/light-element';
import { count, plural } from '../text/format';
import { html } from '../text/html';

/** What `GET /api/jobs/<id>/verify` answers. */
export type Verdict =
  | { readonly ok: true; readonly head: number; readonly hash: string }
  | { readonly ok: false; readonly seq: number; readonly reason: string };

/** The state of a check: not started, running, answered, or failed. */
export type HistoryCheck = 'unasked' | 'checking' | Verdict | { readonly error: string };

/** How a check is shown: `tone` is a status, `detail` the tooltip. */
export interface CheckWords {
  readonly tone: '' | 'succeeded' | 'failed';
  readonly words: string;
  readonly detail: string;
  /** The label of the button; '' for none. */
  readonly action: string;
}

/** Have the service check every event of a job; never throws. `ask` calls the API. */
export async function checkHistory(job: string, ask: typeof callApi): Promise<HistoryCheck> {
  try {
    return await ask<Verdict>(`/api/jobs/${job}/verify`);
  } catch (error) {
    return { error: describeError(error) };
  }
}

/** Describe a check. */
export function describeCheck(known: HistoryCheck): CheckWords {
  const nothingKnown = { tone: '', words: '', detail: '', action: '' } as const;
  if (known === 'unasked') return { ...nothingKnown, action: 'verify' };
  if (known === 'checking') return { ...nothingKnown, words: 'checking every event' };
  const failed = { tone: 'failed', detail: '' } as const;
  if ('error' in known) {
    return { ...failed, words: `not verified: ${known.error}`, action: 'try again' };
  }
  if (known.ok) {
    const words = `${plural(known.head, 'event')} verified`;
    const detail = `All hashes up to #${count(known.head)} are right, the last is ${known.hash}`;
    return { tone: 'succeeded', words, detail, action: 'again' };
  }
  const words = `the history was changed, from #${count(known.seq)} on. ${known.reason}`;
  return { ...failed, words, action: 'again' };
}

/** `<reprise-verify job="<id>">`. */
@customElement('reprise-verify')
export class VerifyButton extends LightElement {
  @property() job = '';
  @state() private check: HistoryCheck = 'unasked';

  protected override render(): TemplateResult {
    const { tone, words, detail, action } = describeCheck(this.check);
    return html`<span role="status" class=${tone ? `toned is-${tone}` : nothing} title=${detail || nothing}
        >${tone ? glyph(tone) : nothing}${words}</span>
      ${
        action
          ? html`<button type="button" class="tool" title="Check every event against its hash and the seals"
        aria-label=${action === 'again' ? 'verify the history again' : `${action} the history`} @click=${this.startCheck}>${action}</button>`
          : nothing
      }`;
  }

  private async startCheck(): Promise<void> {
    this.check = 'checking';
    this.check = await checkHistory(this.job, callApi);
  }
}
