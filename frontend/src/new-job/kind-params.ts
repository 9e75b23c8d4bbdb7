/** A kind's own form in place of a text area for JSON, in a form that the server has rendered. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { html } from '../text/html';
import { paramsText } from './form';
import { KindForm } from './kind-form';

/**
 * `<reprise-kind-params kind="…" field="…">`: writes the JSON of its fields into the text area with that
 * id when the form around it is sent, and hides it as soon as the kind's form is there.
 */
@customElement('reprise-kind-params')
export class KindParams extends KindForm {
  @property() field = '';

  override connectedCallback(): void {
    super.connectedCallback();
    this.closest('form')?.addEventListener('submit', this.write);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.closest('form')?.removeEventListener('submit', this.write);
  }

  private readonly write = (event: Event): void => {
    const area = this.area;
    if (!this.fields || !area) return;
    if (this.checkEntries()) area.value = paramsText(this.fields, this.entries);
    else event.preventDefault();
  };

  private get area(): HTMLTextAreaElement | null {
    return document.querySelector<HTMLTextAreaElement>(`textarea#${CSS.escape(this.field)}`);
  }

  override updated(changed: PropertyValues): void {
    if (!changed.has('fields') || !this.fields) return;
    // Its errors stay visible: they are the server's.
    for (const part of this.area?.parentElement?.querySelectorAll('label, textarea, .form-help') ??
      []) {
      part.toggleAttribute('hidden', true);
    }
  }

  override render(): TemplateResult | typeof nothing {
    if (!this.fields) return nothing;
    return html`<div class="kind-params">${this.fieldViews()} ${this.planView()}</div>`;
  }
}
