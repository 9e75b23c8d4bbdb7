/** Filters of a list that its reader keeps by name, in this browser. */

import type { TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { keep, recall } from '../client';
import { html } from '../text/html';
import { openDialog } from './dialog';
import { glyph, LightElement } from './light-element';

interface SavedFilter {
  readonly name: string;
  /** The query of the address, with its question mark. */
  readonly query: string;
}

const MOST = 50;

/** `<reprise-saved-filters page="history">`: links to the kept ones, and a button that keeps those of the address. */
@customElement('reprise-saved-filters')
export class SavedFilters extends LightElement {
  @property() page = '';
  @state() private saved: readonly SavedFilter[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.saved = readFilters(recall('localStorage', `reprise:filters:${this.page}`));
  }

  private ask(): void {
    const { search } = location;
    if (!search) {
      openDialog(
        'Nothing to keep yet',
        html`<p>Filter the list first; then its filters can be kept.</p>
          <div class="dialog-acts"><button class="button">Close</button></div>`,
      );
      return;
    }
    const dialog = openDialog(
      'Keep this view',
      html`<label class="form-label" for="filter-name">Name</label>
        <input class="field" id="filter-name" maxlength="60" required autocomplete="off">
        <div class="dialog-acts">
          <button class="button" value="" formnovalidate>Cancel</button>
          <button class="button is-main" value="keep">Keep</button>
        </div>`,
    );
    const field = dialog.querySelector('input');
    dialog.addEventListener('close', () => {
      const name = field?.value.trim();
      if (dialog.returnValue !== 'keep' || !name) return;
      this.store([...this.saved.filter((one) => one.name !== name), { name, query: search }]);
    });
  }

  private store(saved: readonly SavedFilter[]): void {
    this.saved = saved.slice(-MOST);
    keep('localStorage', `reprise:filters:${this.page}`, JSON.stringify(this.saved));
  }

  override render(): TemplateResult {
    return html`<ul class="saved-filters" aria-label="Kept views">
      ${this.saved.map(
        (one) => html`<li><a href="${location.pathname}${one.query}">${one.name}</a>
          <button class="tool" aria-label="Forget ${one.name}" @click=${() => this.store(this.saved.filter((other) => other !== one))}>${glyph('close')}</button></li>`,
      )}
      <li><button class="tool" @click=${this.ask}>Keep this view</button></li>
    </ul>`;
  }
}

/** Return what was kept; what is no such thing is left out. */
export function readFilters(text: string | null): SavedFilter[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isFilter) : [];
  } catch {
    return [];
  }
}

function isFilter(one: unknown): one is SavedFilter {
  const { name, query } = (one ?? {}) as Partial<SavedFilter>;
  return typeof name === 'string' && typeof query === 'string' && query.startsWith('?');
}
