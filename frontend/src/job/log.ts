/** A pane of output: numbered by seq, coloured, following its end until the reader scrolls up. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { copyText } from '../elements/copy';
import { listen } from '../elements/keys';
import { glyph, Plain } from '../elements/plain';
import { Windowed } from '../list/windowed';
import { count } from '../text/format';
import { lineRow, plainText } from './line';
import type { Line } from './lines';

const ROW = 20;
/** As near to the end as this (px), the reader is taken to be at it. */
const NEAR = 24;

/**
 * `<reprise-log .lines .size>`: `lines` may grow in place, `size` is its length as last known.
 * Attributes: `from` shows which step a line is of, `file` names the download.
 */
@customElement('reprise-log')
export class Log extends Plain {
  @property({ attribute: false }) lines: readonly Line[] = [];
  @property({ type: Number }) size = 0;
  @property({ type: Boolean }) from = false;
  @property({ type: Boolean }) live = false;
  @property() file = 'output.log';
  @property() empty = 'No output.';
  @state() private following = true;
  @state() private wrap = localStorage.getItem('reprise:wrap') === 'yes';
  @state() private times = localStorage.getItem('reprise:times') === 'yes';
  @state() private leftAt = 0;
  @state() private sought = '';
  @state() private found: readonly number[] = [];
  @state() private at = 0;
  @state() private said = '';
  @query('.log-scroll') private scroller!: HTMLElement;
  @query('.log-lines') private body!: HTMLElement;
  @query('.log-search') private field!: HTMLInputElement;

  private windowed: Windowed<Line> | undefined;
  private resized: ResizeObserver | undefined;
  private lastTop = 0;
  private unlisten: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unlisten = listen([
      { keys: ['/'], does: 'Search the output', run: () => this.search() },
      {
        keys: ['f'],
        does: 'Follow the end of the output',
        run: () => this.visible && this.follow(),
      },
      { keys: ['w'], does: 'Wrap long lines', run: () => this.visible && this.toggle('wrap') },
      { keys: ['t'], does: 'Show times', run: () => this.visible && this.toggle('times') },
    ]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unlisten?.();
    this.windowed?.stop();
    this.resized?.disconnect();
    this.windowed = undefined;
  }

  private get visible(): boolean {
    return this.offsetParent !== null;
  }

  override updated(changed: PropertyValues): void {
    if (!this.windowed || changed.has('lines')) this.restart();
    else if (changed.has('size')) this.grown();
  }

  private restart(): void {
    if (!this.windowed) {
      this.windowed = new Windowed(this.scroller, this.body, ROW, (line, i) => this.row(line, i));
      this.resized = new ResizeObserver(() => this.pin());
      this.resized.observe(this.body);
      this.resized.observe(this.scroller);
    }
    this.windowed.reset(this.lines);
    this.following = this.live;
    this.lastTop = 0;
    if (this.following) this.pin();
    else this.scroller.scrollTop = 0;
    this.seek();
  }

  private grown(): void {
    this.windowed?.grow();
    if (this.sought) this.seek(false);
    this.pin();
  }

  private row(line: Line, index: number): HTMLElement {
    const row = lineRow(line, this.from);
    if (this.found.length && this.isFound(index)) row.classList.add('is-found');
    if (this.found[this.at] === index) row.classList.add('is-now');
    return row;
  }

  private pin(): void {
    if (this.following && this.scroller) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  private scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    const atEnd = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (atEnd) this.following = true;
    else if (scrollTop < this.lastTop && this.following) {
      this.following = false;
      this.leftAt = this.lines.length;
    }
    this.lastTop = scrollTop;
  }

  private follow(): undefined {
    this.following = true;
    this.pin();
  }

  private toggle(what: 'wrap' | 'times'): undefined {
    this[what] = !this[what];
    localStorage.setItem(`reprise:${what}`, this[what] ? 'yes' : 'no');
    void this.updateComplete.then(() => this.pin());
  }

  private search(): boolean {
    if (!this.visible) return false;
    this.field.focus();
    this.field.select();
    return true;
  }

  private seek(jump = true): void {
    const sought = this.sought.toLowerCase();
    const found: number[] = [];
    if (sought) {
      this.lines.forEach((line, i) => {
        if (`${line.target} ${line.step} ${plainText(line)}`.toLowerCase().includes(sought))
          found.push(i);
      });
    }
    this.found = found;
    if (jump) this.go(0);
    else this.windowed?.redraw();
  }

  /** Go to the hit number `at`, round the ends. */
  private go(at: number): void {
    this.at = this.found.length ? (at + this.found.length) % this.found.length : 0;
    this.windowed?.redraw();
    const index = this.found[this.at];
    if (index === undefined) return;
    this.following = false;
    this.leftAt = this.lines.length;
    this.windowed?.reveal(index);
  }

  private isFound(index: number): boolean {
    let [low, high] = [0, this.found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.found[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return this.found[low] === index;
  }

  private keyed(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.go(this.at + (event.shiftKey ? -1 : 1));
    else if (event.key === 'Escape') this.field.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private text(): string {
    return this.lines.map((line) => `${plainText(line)}\n`).join('');
  }

  private async copy(): Promise<void> {
    this.say((await copyText(this.text())) ? 'Copied' : 'Could not copy');
  }

  private download(): void {
    const url = URL.createObjectURL(new Blob([this.text()], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = this.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  private say(text: string): void {
    this.said = text;
    setTimeout(() => {
      this.said = '';
    }, 2000);
  }

  override render(): TemplateResult {
    const below = Math.max(0, this.size - this.leftAt);
    return html`
      <div class="log-tools">
        ${this.searchTools()}
        ${tool('follow', 'Follow', this.following, () => this.follow())}
        ${tool('clock', 'Times', this.times, () => this.toggle('times'))}
        ${tool('wrap', 'Wrap', this.wrap, () => this.toggle('wrap'))}
        ${tool('copy', this.said || 'Copy', undefined, () => this.copy())}
        ${tool('download', 'Download', undefined, () => this.download())}
      </div>
      <div class="log-scroll ${this.wrap ? 'is-wrapped' : ''} ${this.times ? 'has-times' : ''} ${this.from ? 'has-from' : ''}"
        tabindex="0" role="log" aria-live="off" aria-label="Output" @scroll=${this.scrolled}>
        <div class="log-lines"></div>
        ${this.size ? nothing : html`<p class="log-empty muted">${this.empty}</p>`}
      </div>
      ${
        !this.following && below > 0 && this.live
          ? html`<button class="button log-below" @click=${this.follow}>${glyph('follow')}${count(below)} new below</button>`
          : nothing
      }
    `;
  }

  private searchTools(): TemplateResult {
    const hits = this.found.length
      ? `${count(this.at + 1)} of ${count(this.found.length)}`
      : 'none';
    return html`<span class="log-find">${glyph('search')}
      <input class="field log-search" type="search" placeholder="Search" aria-label="Search the output"
        @keydown=${this.keyed} @input=${() => {
          this.sought = this.field.value;
          this.seek();
        }} />
      <span class="muted log-hits" aria-live="polite">${this.sought ? hits : ''}</span></span>`;
  }
}

function tool(
  name: string,
  word: string,
  pressed: boolean | undefined,
  act: () => void,
): TemplateResult {
  return html`<button class="tool" aria-pressed=${pressed === undefined ? nothing : String(pressed)}
    title=${word} @click=${act}>${glyph(name)}<span>${word}</span></button>`;
}
