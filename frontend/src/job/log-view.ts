/** A pane of output: its lines by their names, coloured, following its end until the reader scrolls up. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { keep, recall } from '../client';
import { copyText } from '../elements/copy';
import { glyph, Plain } from '../elements/light-element';
import { listen } from '../elements/shortcuts';
import { Windowed } from '../list/virtual-list';
import { count, plural } from '../text/format';
import { type Marked, markedName, markedOf } from './line-range';
import { extract, type Line } from './log-lines';
import { fillRow, lineRow } from './log-row';
import { Search } from './log-search';
import { selectedText } from './selected-text';

const ROW = 20;
/** As near to the end as this (px), the reader is taken to be at it. */
const NEAR = 24;

/**
 * `<reprise-log .lines .size .revision>`: `lines` may grow in place, `size` is its length and `revision`
 * how often anything in it has changed, as last known. Attributes: `from` shows which step a line is of,
 * `file` names the download. `marked` are lines by their names; where the log is `markable`, it tells
 * `mark` with the names that were clicked.
 */
@customElement('reprise-log')
export class Log extends Plain {
  @property({ attribute: false }) lines: readonly Line[] = [];
  @property({ type: Number }) size = 0;
  @property({ type: Number }) revision = 0;
  @property({ type: Boolean }) from = false;
  @property({ type: Boolean }) live = false;
  @property({ type: Boolean }) markable = false;
  @property() marked = '';
  @property() file = 'output.log';
  @property() empty = 'No output.';
  @state() private following = true;
  @state() private wrap = recall('localStorage', 'reprise:wrap') === 'yes';
  @state() private times = recall('localStorage', 'reprise:times') === 'yes';
  @state() private leftAt = 0;
  @state() private sought = '';
  @state() private hits = 0;
  @state() private at = 0;
  @state() private range: Marked | null = null;
  @state() private said = '';
  @query('.log-scroll') private scroller!: HTMLElement;
  @query('.log-lines') private body!: HTMLElement;
  @query('.log-search') private field!: HTMLInputElement;

  private windowed: Windowed<Line> | undefined;
  private resized: ResizeObserver | undefined;
  private search = new Search([], '');
  private readonly drawn = new WeakMap<HTMLElement, Line>();
  /** The lines that were drawn before they had ended, by index, and as of which version. */
  private readonly open = new Map<number, number>();
  private lastTop = 0;
  private unlisten: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unlisten = listen([
      { keys: ['/'], does: 'Search the output', run: () => this.toSearch() },
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
    else if (changed.has('size') || changed.has('revision')) this.grown();
    if (changed.has('marked')) this.mark();
  }

  private restart(): void {
    if (!this.windowed) {
      this.windowed = new Windowed(this.scroller, this.body, ROW, (line, i) => this.row(line, i));
      this.resized = new ResizeObserver(() => this.pin());
      this.resized.observe(this.body);
      this.resized.observe(this.scroller);
    }
    this.open.clear();
    this.windowed.reset(this.lines);
    this.following = this.live;
    this.lastTop = 0;
    if (this.following) this.pin();
    else this.scroller.scrollTop = 0;
    this.seek();
    this.range = null;
    this.mark();
  }

  private grown(): void {
    this.scrolled(); // the browser tells of a scroll with the next frame only
    for (const [index, version] of this.open) this.refresh(index, version);
    this.windowed?.grow();
    for (const index of this.search.more()) this.dress(this.windowed?.drawn(index), index);
    this.hits = this.search.found.length;
    if (this.marked && !this.range) this.mark();
    this.pin();
  }

  private row(line: Line, index: number): HTMLElement {
    const row = lineRow(line, this.from);
    this.drawn.set(row, line);
    if (!line.content.ended) this.open.set(index, line.content.version);
    this.dress(row, index);
    return row;
  }

  /** Write into the row of a line that had not ended what it says by now. */
  private refresh(index: number, version: number): void {
    const [line, row] = [this.lines[index], this.windowed?.drawn(index)];
    if (!line || !row || line.content.ended) this.open.delete(index);
    else this.open.set(index, line.content.version);
    if (line && row && line.content.version !== version) fillRow(row, line);
  }

  /** Show of a row whether it is found, or marked. The row itself stays, and what is selected in it. */
  private dress(row: HTMLElement | undefined, index: number): void {
    row?.classList.toggle('is-found', this.search.has(index));
    row?.classList.toggle('is-now', this.search.found[this.at] === index);
    const [from, to] = this.range ?? [0, -1];
    row?.classList.toggle('is-marked', from <= index && index <= to);
  }

  private dressAll(): void {
    this.windowed?.each((row, index) => this.dress(row, index));
  }

  private pin(): void {
    if (!this.following || !this.scroller) return;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
  }

  private scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    const atEnd = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (atEnd) this.following = true;
    else if (scrollTop < this.lastTop && this.following) this.leave();
    this.lastTop = scrollTop;
  }

  private leave(): void {
    this.following = false;
    this.leftAt = this.lines.length;
  }

  private follow(): undefined {
    this.following = true;
    this.pin();
  }

  private toggle(what: 'wrap' | 'times'): undefined {
    this[what] = !this[what];
    keep('localStorage', `reprise:${what}`, this[what] ? 'yes' : 'no');
    void this.updateComplete.then(() => this.pin());
  }

  private toSearch(): boolean {
    if (!this.visible) return false;
    this.field.focus();
    this.field.select();
    return true;
  }

  private seek(): void {
    this.search = new Search(this.lines, this.sought);
    this.search.more();
    this.hits = this.search.found.length;
    this.go(0);
  }

  /** Go to the hit number `at`, round the ends. */
  private go(at: number): void {
    this.at = this.hits ? (at + this.hits) % this.hits : 0;
    this.dressAll();
    this.show(this.search.found[this.at]);
  }

  private show(index: number | undefined): void {
    if (index === undefined) return;
    this.leave();
    this.windowed?.reveal(index);
  }

  /** Show which lines are marked, and go to them unless they are where they were. */
  private mark(): void {
    const [before] = this.range ?? [];
    this.range = this.marked ? markedOf(this.marked, this.lines) : null;
    this.dressAll();
    if (this.range && this.range[0] !== before) this.show(this.range[0]);
  }

  /** A click on a line's number marks it, with shift all from the one that is marked. */
  private clicked(event: MouseEvent): void {
    const link = (event.target as HTMLElement).closest('.line-seq');
    const row = link?.closest<HTMLElement>('.line');
    if (!this.markable || !row || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // of mousedown, too: with shift, the browser would select text
    if (event.type !== 'click') return;
    const index = markedOf(row.dataset.line ?? '', this.lines)?.[0] ?? 0;
    const other = event.shiftKey && this.range ? this.range[0] : index;
    const name = markedName(this.lines, index, other);
    this.range = [Math.min(index, other), Math.max(index, other)];
    this.dispatchEvent(new CustomEvent('mark', { detail: name === this.marked ? '' : name }));
  }

  private keyed(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.go(this.at + (event.shiftKey ? -1 : 1));
    else if (event.key === 'Escape') this.field.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private text(lines = this.lines): string {
    return extract(lines, { details: this.times, from: this.from });
  }

  private async copy(): Promise<void> {
    const [from, to] = this.range ?? [0, this.lines.length];
    const done = await copyText(this.text(this.lines.slice(from, to + 1)));
    this.say(done ? 'Copied' : 'Could not copy');
  }

  private copied(event: ClipboardEvent): void {
    const whole = (row: HTMLElement) => this.drawn.get(row)?.content.text ?? '';
    const text = selectedText(this.body, whole);
    if (text === null) return;
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
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
    const copies = this.range ? plural(this.range[1] - this.range[0] + 1, 'line') : '';
    const timed = this.times ? 'with times and numbers' : 'the text alone';
    return html`
      <div class="log-tools">
        ${this.searchTools()}
        ${tool('follow', 'Follow', () => this.follow(), { pressed: this.following })}
        ${tool('clock', 'Times', () => this.toggle('times'), { pressed: this.times })}
        ${tool('wrap', 'Wrap', () => this.toggle('wrap'), { pressed: this.wrap })}
        ${tool('copy', this.said || ['Copy', copies].join(' ').trim(), () => this.copy(), { title: `Copy, ${timed}` })}
        ${tool('download', 'Download', () => this.download(), { title: `Download, ${timed}` })}
      </div>
      <div class="log-scroll ${this.wrap ? 'is-wrapped' : ''} ${this.times ? 'has-times' : ''} ${this.from ? 'has-from' : ''}"
        tabindex="0" role="log" aria-live="off" aria-label="Output" 
        @scroll=${this.scrolled} @mousedown=${this.clicked} @click=${this.clicked} @copy=${this.copied}>
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
    const hits = this.hits ? `${count(this.at + 1)} of ${count(this.hits)}` : 'none';
    return html`<span class="log-find">${glyph('search')}
      <input class="field log-search" type="search" placeholder="Search" aria-label="Search the output"
        @keydown=${this.keyed} @input=${() => {
          this.sought = this.field.value;
          this.seek();
        }} />
      <span class="muted log-hits" aria-live="polite">${this.sought ? hits : ''}</span></span>`;
  }
}

interface ToolOptions {
  readonly pressed?: boolean;
  readonly title?: string;
}

function tool(name: string, word: string, act: () => void, options: ToolOptions): TemplateResult {
  const { pressed, title = word } = options;
  return html`<button class="tool" aria-pressed=${pressed === undefined ? nothing : String(pressed)}
    title=${title} @click=${act}>${glyph(name)}<span>${word}</span></button>`;
}
