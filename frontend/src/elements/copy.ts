/** Copies text to the clipboard; ids are copied by a click. */

import { nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { shortId } from '../text/format';
import { html } from '../text/html';
import { glyph, LightElement } from './light-element';

/** Copy `text`, also without a secure context; returns whether it worked. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return copyBySelection(text);
    throw error;
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'away';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** `<reprise-copy value="…">`: a button that copies a text; with `label` (what it copies) only an icon. */
@customElement('reprise-copy')
export class CopyButton extends LightElement {
  @property() value = '';
  @property() label = '';
  @state() private result = '';

  protected override render(): TemplateResult {
    return html`<button type="button" class=${this.label ? 'tool' : 'button'} @click=${this.copy}
      aria-label=${this.label || nothing} title=${this.label || nothing}>${this.label ? glyph('copy') : 'Copy'}</button>
      <span class="muted" role="status">${this.result}</span>`;
  }

  private async copy(): Promise<void> {
    this.result = (await copyText(this.value)) ? 'Copied' : 'Could not copy: select it instead';
  }
}

/** `<reprise-id value="…">`: an id, shortened; a click copies all of it. */
@customElement('reprise-id')
export class CopyableId extends LightElement {
  @property() value = '';
  @state() private result = '';

  protected override render(): TemplateResult {
    return html`<button type="button" class="copy mono" title="${this.value}: click to copy"
      @click=${this.copy}>${this.result || `#${shortId(this.value)}`}</button>`;
  }

  private async copy(): Promise<void> {
    this.result = (await copyText(this.value)) ? 'copied' : 'could not copy';
    setTimeout(() => {
      this.result = '';
    }, 1500);
  }
}
