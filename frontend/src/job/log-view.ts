/** The log: numbered, coloured lines, with search; it follows its end until the reader scrolls up. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { keep, recall } from '../client';
import { copyText } from '../elements/copy';
import { glyph, LightElement } from '../elements/light-element';
import { useShortcuts } from '../elements/shortcuts';
import { VirtualList } from '../list/virtual-list';
import { reveal } from '../text/characters';
import { count, plural } from '../text/format';
import { html } from '../text/html';
import {
  formatLineRange,
  type LineRange,
  type LogLine,
  LogSearch,
  linesAsText,
  parseLineRange,
} from './log-lines';
import { createLogRow, selectedText, updateLogRow } from './log-row';

const ROW_HEIGHT = 20;
/** Within this distance of the end (px), the log follows its end. */
const END_MARGIN = 24;

/**
 * `<reprise-log .lines .size .revision>`: `lines` may grow in place; a new `size` or `revision` shows the
 * change. Attributes: `from` shows the step of each line, `file` names the download, `marked` has the names
 * of marked lines. If the log is `markable`, a click on a number dispatches `mark` with the new names.
 */
@customElement('reprise-log')
export class LogView extends LightElement {
  @property({ attribute: false }) lines: readonly LogLine[] = [];
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
  @state() private sizeWhenLeft = 0;
  @state() private searchText = '';
  @state() private hits = 0;
  @state() private hitIndex = 0;
  @state() private range: LineRange | null = null;
  @state() private copyResult = '';
  @query('.log-scroll') private scroller!: HTMLElement;
  @query('.log-lines') private listBody!: HTMLElement;
  @query('.log-search') private searchField!: HTMLInputElement;

  private list: VirtualList<LogLine> | undefined;
  private resizeObserver: ResizeObserver | undefined;
  private search = new LogSearch([], '');
  private readonly lineOfRow = new WeakMap<HTMLElement, LogLine>();
  /** The rendered lines that can still change: index → version. */
  private readonly unfinished = new Map<number, number>();
  private lastTop = 0;

  constructor() {
    super();
    useShortcuts(this, [
      { keys: ['/'], label: 'Search the output', run: () => this.focusSearch() },
      {
        keys: ['f'],
        label: 'Follow the end of the output',
        run: () => this.visible && this.follow(),
      },
      { keys: ['w'], label: 'Wrap long lines', run: () => this.visible && this.toggle('wrap') },
      { keys: ['t'], label: 'Show times', run: () => this.visible && this.toggle('times') },
    ]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.list?.disconnect();
    this.resizeObserver?.disconnect();
    this.list = undefined;
  }

  private get visible(): boolean {
    return this.offsetParent !== null;
  }

  override updated(changed: PropertyValues): void {
    if (!this.list || changed.has('lines')) this.resetLines();
    else if (changed.has('size') || changed.has('revision')) this.appendLines();
    if (changed.has('marked')) this.showMarked();
  }

  private resetLines(): void {
    if (!this.list) {
      this.list = new VirtualList(this.scroller, this.listBody, ROW_HEIGHT, (line, i) =>
        this.createRow(line, i),
      );
      this.resizeObserver = new ResizeObserver(() => this.scrollToEnd());
      this.resizeObserver.observe(this.listBody);
      this.resizeObserver.observe(this.scroller);
    }
    this.unfinished.clear();
    this.list.setItems(this.lines);
    this.following = this.live;
    this.lastTop = 0;
    if (this.following) this.scrollToEnd();
    else this.scroller.scrollTop = 0;
    this.runSearch();
    this.range = null;
    this.showMarked();
  }

  private appendLines(): void {
    this.handleScroll(); // the browser reports a scroll only with the next frame
    for (const [index, version] of this.unfinished) this.refreshRow(index, version);
    this.list?.appendNew();
    for (const index of this.search.update()) this.styleRow(this.list?.rowAt(index), index);
    this.hits = this.search.hits.length;
    if (this.marked && !this.range) this.showMarked();
    this.scrollToEnd();
  }

  private createRow(line: LogLine, index: number): HTMLElement {
    const row = createLogRow(line, this.from);
    this.lineOfRow.set(row, line);
    if (!line.content.ended) this.unfinished.set(index, line.content.version);
    this.styleRow(row, index);
    return row;
  }

  /** Update the row of a line that had not ended. */
  private refreshRow(index: number, version: number): void {
    const [line, row] = [this.lines[index], this.list?.rowAt(index)];
    if (!line || !row || line.content.ended) this.unfinished.delete(index);
    else this.unfinished.set(index, line.content.version);
    if (line && row && line.content.version !== version) updateLogRow(row, line);
  }

  /** Set a row's classes. The row itself stays, and so does a selection in it. */
  private styleRow(row: HTMLElement | undefined, index: number): void {
    row?.classList.toggle('is-found', this.search.isHit(index));
    row?.classList.toggle('is-now', this.search.hits[this.hitIndex] === index);
    const [from, to] = this.range ?? [0, -1];
    row?.classList.toggle('is-marked', from <= index && index <= to);
  }

  private styleRows(): void {
    this.list?.forEachRow((row, index) => this.styleRow(row, index));
  }

  private scrollToEnd(): void {
    if (!this.following || !this.scroller) return;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
  }

  private handleScroll(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    const atEnd = scrollTop + clientHeight >= scrollHeight - END_MARGIN;
    if (atEnd) this.following = true;
    else if (scrollTop < this.lastTop && this.following) this.stopFollowing();
    this.lastTop = scrollTop;
  }

  private stopFollowing(): void {
    this.following = false;
    this.sizeWhenLeft = this.lines.length;
  }

  private follow(): undefined {
    this.following = true;
    this.scrollToEnd();
  }

  private toggle(what: 'wrap' | 'times'): undefined {
    this[what] = !this[what];
    keep('localStorage', `reprise:${what}`, this[what] ? 'yes' : 'no');
    void this.updateComplete.then(() => this.scrollToEnd());
  }

  private focusSearch(): boolean {
    if (!this.visible) return false;
    this.searchField.focus();
    this.searchField.select();
    return true;
  }

  private runSearch(): void {
    this.search = new LogSearch(this.lines, this.searchText);
    this.search.update();
    this.hits = this.search.hits.length;
    this.goToHit(0);
  }

  /** Go to a hit by its number; after the last comes the first. */
  private goToHit(at: number): void {
    this.hitIndex = this.hits ? (at + this.hits) % this.hits : 0;
    this.styleRows();
    this.revealLine(this.search.hits[this.hitIndex]);
  }

  private revealLine(index: number | undefined): void {
    if (index === undefined) return;
    this.stopFollowing();
    this.list?.scrollToItem(index);
  }

  /** Show the marked lines, and scroll to them if they are others than before. */
  private showMarked(): void {
    const [before] = this.range ?? [];
    this.range = this.marked ? parseLineRange(this.marked, this.lines) : null;
    this.styleRows();
    if (this.range && this.range[0] !== before) this.revealLine(this.range[0]);
  }

  /** A click on a line's number marks it; with shift, all lines from the marked one to it. */
  private handleClick(event: MouseEvent): void {
    const link = (event.target as HTMLElement).closest('.line-seq');
    const row = link?.closest<HTMLElement>('.line');
    if (!this.markable || !row || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // also of mousedown: with shift, the browser would select text
    if (event.type !== 'click') return;
    const index = parseLineRange(row.dataset.line ?? '', this.lines)?.[0] ?? 0;
    const other = event.shiftKey && this.range ? this.range[0] : index;
    const name = formatLineRange(this.lines, index, other);
    this.range = [Math.min(index, other), Math.max(index, other)];
    this.dispatchEvent(new CustomEvent('mark', { detail: name === this.marked ? '' : name }));
  }

  private handleSearchKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.goToHit(this.hitIndex + (event.shiftKey ? -1 : 1));
    else if (event.key === 'Escape') this.searchField.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private linesText(lines = this.lines): string {
    return linesAsText(lines, this.times, this.from);
  }

  private async copyLines(): Promise<void> {
    const [from, to] = this.range ?? [0, this.lines.length];
    const done = await copyText(this.linesText(this.lines.slice(from, to + 1)));
    this.showCopyResult(done ? 'Copied' : 'Could not copy');
  }

  private handleCopy(event: ClipboardEvent): void {
    const whole = (row: HTMLElement) => reveal(this.lineOfRow.get(row)?.content.text ?? '');
    const text = selectedText(this.listBody, whole);
    if (text === null) return;
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
  }

  private download(): void {
    const url = URL.createObjectURL(new Blob([this.linesText()], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = this.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  private showCopyResult(text: string): void {
    this.copyResult = text;
    setTimeout(() => {
      this.copyResult = '';
    }, 2000);
  }

  override render(): TemplateResult {
    const below = Math.max(0, this.size - this.sizeWhenLeft);
    const copies = this.range ? plural(this.range[1] - this.range[0] + 1, 'line') : '';
    const timed = this.times ? 'with times and numbers' : 'the text alone';
    return html`
      <div class="log-tools">
        ${this.searchTools()}
        ${toolButton('follow', 'Follow', () => this.follow(), this.following)}
        ${toolButton('clock', 'Times', () => this.toggle('times'), this.times)}
        ${toolButton('wrap', 'Wrap', () => this.toggle('wrap'), this.wrap)}
        ${toolButton('copy', this.copyResult || ['Copy', copies].join(' ').trim(), () => this.copyLines(), undefined, `Copy, ${timed}`)}
        ${toolButton('download', 'Download', () => this.download(), undefined, `Download, ${timed}`)}
      </div>
      <div class="log-scroll ${this.wrap ? 'is-wrapped' : ''} ${this.times ? 'has-times' : ''} ${this.from ? 'has-from' : ''}"
        tabindex="0" role="log" aria-live="off" aria-label="Output" 
        @scroll=${this.handleScroll} @mousedown=${this.handleClick} @click=${this.handleClick} @copy=${this.handleCopy}>
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
    const hits = this.hits ? `${count(this.hitIndex + 1)} of ${count(this.hits)}` : 'none';
    return html`<span class="log-find">${glyph('search')}
      <input class="field log-search" type="search" placeholder="Search" aria-label="Search the output"
        @keydown=${this.handleSearchKey} @input=${() => {
          this.searchText = this.searchField.value;
          this.runSearch();
        }} />
      <span class="muted log-hits" aria-live="polite">${this.searchText ? hits : ''}</span></span>`;
  }
}

function toolButton(
  name: string,
  label: string,
  onClick: () => void,
  pressed?: boolean,
  title = label,
): TemplateResult {
  return html`<button class="tool" aria-pressed=${pressed === undefined ? nothing : String(pressed)}
    title=${title} @click=${onClick}>${glyph(name)}<span>${label}</span></button>`;
}
