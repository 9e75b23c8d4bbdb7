/** The command palette: `Ctrl-K` finds jobs, targets, kinds and pages, searched on the server. */

import { nothing, render, type TemplateResult } from 'lit';
import { html } from '../text/html';
import { callApi } from './api';

interface Hit {
  readonly label: string;
  readonly detail: string;
  readonly address: string;
}

interface Group {
  readonly title: string;
  readonly hits: readonly Hit[];
}

const TYPING_PAUSE_MS = 120;

/** Open the palette with `Ctrl-K` and from buttons with `data-palette`; call this once per page. */
export function startPalette(): void {
  // Who is not signed in finds nothing.
  if (!document.querySelector('.menu-end')) return;
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey)
      return;
    event.preventDefault();
    if (!document.querySelector('dialog[open]')) new Palette().open();
  });
  for (const button of document.querySelectorAll('[data-palette]')) {
    button.addEventListener('click', () => new Palette().open());
  }
}

class Palette {
  private readonly dialog = document.createElement('dialog');
  private groups: readonly Group[] = [];
  private active = 0;
  private said = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | undefined;

  open(): void {
    this.dialog.className = 'palette';
    this.dialog.setAttribute('aria-label', 'Find');
    this.dialog.addEventListener('close', () => this.dialog.remove());
    document.body.append(this.dialog);
    this.draw();
    this.dialog.showModal();
    this.dialog.querySelector('input')?.focus();
    void this.search('');
  }

  private get hits(): readonly Hit[] {
    return this.groups.flatMap((group) => group.hits);
  }

  private type(event: Event): void {
    clearTimeout(this.timer);
    const { value } = event.target as HTMLInputElement;
    this.timer = setTimeout(() => void this.search(value), TYPING_PAUSE_MS);
  }

  private async search(text: string): Promise<void> {
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    try {
      const query = new URLSearchParams({ q: text });
      const answer = await callApi<{ groups: readonly Group[] }>(`/find?${query}`, { signal });
      this.groups = answer.groups;
      this.said = this.hits.length ? '' : 'Nothing that you may see fits.';
    } catch {
      if (signal.aborted) return;
      this.groups = [];
      this.said = 'Reprise does not answer. Try again.';
    }
    this.active = 0;
    this.draw();
  }

  private press(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.hits.length;
    if (step && count) {
      this.active = (this.active + step + count) % count;
      this.draw();
      this.dialog.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter') {
      const hit = this.hits[this.active];
      if (hit) location.assign(hit.address);
    } else return;
    event.preventDefault();
  }

  private draw(): void {
    let place = 0;
    const groups = this.groups.map(({ title, hits }) => {
      const rows = hits.map((hit) => this.option(hit, place++));
      return html`<div role="group" aria-label=${title}><p class="palette-group muted">${title}</p>${rows}</div>`;
    });
    render(
      html`<input class="field" role="combobox" aria-label="Find a job, a target, a kind or a page"
          placeholder="Find a job, a target, a kind or a page" autocomplete="off" spellcheck="false"
          aria-expanded="true" aria-controls="palette-hits" aria-autocomplete="list"
          aria-activedescendant=${this.hits.length ? `palette-hit-${this.active}` : nothing}
          @input=${(event: Event) => this.type(event)} @keydown=${(event: KeyboardEvent) => this.press(event)}>
        <div id="palette-hits" role="listbox" aria-label="Found">${groups}</div>
        <p class="muted" role="status">${this.said}</p>`,
      this.dialog,
    );
  }

  private option(hit: Hit, place: number): TemplateResult {
    const selected = place === this.active ? 'true' : 'false';
    return html`<a class="palette-hit" role="option" tabindex="-1" id="palette-hit-${place}"
      href=${hit.address} aria-selected=${selected}>${hit.label} <span class="muted">${hit.detail}</span></a>`;
  }
}
