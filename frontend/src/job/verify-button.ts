/** The quiet button beside "history" that has every event checked, and what came of it. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { call } from '../elements/api';
import { glyph, Plain } from '../elements/light-element';
import { type Check, check, said } from './history-check';

/** `<reprise-verify job="<id>">`. */
@customElement('reprise-verify')
export class Verify extends Plain {
  @property() job = '';
  @state() private known: Check = 'unasked';

  protected override render(): TemplateResult {
    const { tone, words, detail, act } = said(this.known);
    return html`<span role="status" class=${tone ? `toned is-${tone}` : nothing} title=${detail || nothing}
        >${tone ? glyph(tone) : nothing}${words}</span>
      ${
        act
          ? html`<button type="button" class="tool" title="Check every event against its hash and the seals"
        aria-label=${act === 'again' ? 'verify the history again' : `${act} the history`} @click=${this.ask}>${act}</button>`
          : nothing
      }`;
  }

  private async ask(): Promise<void> {
    this.known = 'checking';
    this.known = await check(this.job, call);
  }
}
