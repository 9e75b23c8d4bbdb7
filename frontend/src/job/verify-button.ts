/** The quiet button beside "history" that has every event checked, and what came of it. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { callApi } from '../elements/api';
import { glyph, LightElement } from '../elements/light-element';
import { checkHistory, describeCheck, type HistoryCheck } from './history-check';

/** `<reprise-verify job="<id>">`. */
@customElement('reprise-verify')
export class VerifyButton extends LightElement {
  @property() job = '';
  @state() private check: HistoryCheck = 'unasked';

  protected override render(): TemplateResult {
    const { tone, words, detail, act } = describeCheck(this.check);
    return html`<span role="status" class=${tone ? `toned is-${tone}` : nothing} title=${detail || nothing}
        >${tone ? glyph(tone) : nothing}${words}</span>
      ${
        act
          ? html`<button type="button" class="tool" title="Check every event against its hash and the seals"
        aria-label=${act === 'again' ? 'verify the history again' : `${act} the history`} @click=${this.startCheck}>${act}</button>`
          : nothing
      }`;
  }

  private async startCheck(): Promise<void> {
    this.check = 'checking';
    this.check = await checkHistory(this.job, callApi);
  }
}
