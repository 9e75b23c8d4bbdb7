/** The log: numbered, coloured lines, filtered and searched; it follows its end until the reader scrolls up. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { keep, recall } from '../client';
import { glyph, LightElement } from '../elements/light-element';
import { useShortcuts } from '../elements/shortcuts';
import { count } from '../text/format';
import { html } from '../text/html';
import { copyLines, downloadLines } from './log-export';
import { LogFinder } from './log-finder';
import type { StepOf } from './log-head';
import { findPlace, openJump } from './log-jump';
import { formatLineRange, type LinePlace, type LineRange, parseLineRange } from './log-lines';
import { LogList, selectedLines } from './log-list';
import type { LogPages } from './log-pages';
import { isEveryLine, type LogFilter, LogQuery, NO_FILTER } from './log-query';
import { LogRows, placeOf } from './log-rows';
import { type FilterChoices, filterTools, NO_CHOICES, rangeWords, toolButton } from './log-tools';

/** Within this distance of the end (px), the log follows its end. */
const END_MARGIN = 24;

/**
 * `<reprise-log .pages .size .revision job>`: a new `size` or `revision` shows what has changed. `.filter` shows some lines
 * only, `.choices` lets the reader choose others. Attributes: `from` shows the step of each line, `tail`
 * opens the log at its end, `live` says that there may be more, `file` names the download, `marked` has the
 * names of marked lines. If the log is `markable`, a click on a number dispatches `mark` with the new names.
 */
@customElement('reprise-log')
export class LogView extends LightElement {
  @property({ attribute: false }) pages: LogPages | null = null;
  @property({ type: Number }) size = 0;
  @property({ type: Number }) revision = 0;
  @property({ attribute: false }) filter: LogFilter = NO_FILTER;
  @property({ attribute: false }) choices: FilterChoices = NO_CHOICES;
  @property() job = '';
  @property({ type: Boolean }) from = false;
  @property({ type: Boolean }) tail = false;
  @property({ type: Boolean }) live = false;
  @property({ type: Boolean }) markable = false;
  @property() marked = '';
  @property() file = 'output.log';
  @property() empty = 'No output.';
  @state() private chosen: LogFilter = NO_FILTER;
  @state() private following = true;
  @state() private wrap = recall('localStorage', 'reprise:wrap') === 'yes';
  @state() private times = recall('localStorage', 'reprise:times') === 'yes';
  @state() private headWhenLeft = 0;
  @state() private result = '';
  @state() private folded: ReadonlySet<string> = new Set();
  @query('.log-scroll') private scroller!: HTMLElement;
  @query('.list-space') private space!: HTMLElement;
  @query('.log-lines') private listBody!: HTMLElement;
  @query('.log-search') private searchField!: HTMLInputElement;

  private list: LogList | undefined;
  private rows: LogRows | undefined;
  private query: LogQuery | null = null;
  private range: LineRange | null = null;
  private unsubscribe: (() => void) | undefined;
  private resizeObserver: ResizeObserver | undefined;
  private readonly finder = new LogFinder({
    ask: (text, onChange) => new LogQuery(this.job, this.shownFilter, text, onChange),
    show: (hit) => void this.goTo(hit),
    changed: () => this.requestUpdate(),
  });

  constructor() {
    super();
    useShortcuts(this, [
      { keys: ['/'], label: 'Search the output', run: () => this.focusSearch() },
      {
        keys: ['g'],
        label: 'Go to a number, a line or a time',
        run: () => this.visible && this.jump(),
      },
      { keys: ['f'], label: 'Follow the end', run: () => this.visible && this.follow() },
      { keys: ['w'], label: 'Wrap long lines', run: () => this.visible && this.toggle('wrap') },
      { keys: ['t'], label: 'Show times', run: () => this.visible && this.toggle('times') },
    ]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.list?.disconnect();
    this.resizeObserver?.disconnect();
    this.unsubscribe?.();
    this.query?.stop();
    this.finder.stop();
    this.list = undefined;
  }

  private get visible(): boolean {
    return this.offsetParent !== null;
  }

  private get head(): number {
    return this.pages?.history.head ?? 0;
  }

  /** The filter of the element, and the reader's own. */
  private get shownFilter(): LogFilter {
    const { filter, chosen } = this;
    const target = filter.target ?? chosen.target;
    return { ...chosen, target, step: filter.step ?? chosen.step };
  }

  override updated(changed: PropertyValues): void {
    if (!this.pages) return;
    const before = (changed.get('choices') as FilterChoices | undefined)?.failed.size;
    const hasMoreFailed = this.chosen.failures && before !== this.choices.failed.size;
    const isOther =
      ['pages', 'filter', 'chosen', 'folded'].some((name) => changed.has(name)) ||
      (changed.has('choices') && hasMoreFailed);
    if (!this.list || isOther) this.begin(this.pages, changed.has('pages'));
    else if (changed.has('size') || changed.has('revision')) this.showNew();
    if (changed.has('wrap') || changed.has('times')) this.list?.resize();
    if (changed.has('marked')) this.showMarked();
    if (this.list && this.finder.text !== this.list.text) this.list.setText(this.finder.text);
  }

  /** Show the lines that the filter lets through. */
  private begin(pages: LogPages, isOtherLog: boolean): void {
    this.list ??= this.createList();
    this.query?.stop();
    const filter = this.shownFilter;
    this.query = isEveryLine(filter)
      ? null
      : new LogQuery(this.job, filter, '', () => this.showPages());
    const folded = this.from ? this.folded : null;
    this.rows = new LogRows(pages, this.query, { filter, failed: this.choices.failed, folded });
    this.unsubscribe?.();
    this.unsubscribe = pages.history.subscribe(() => this.showPages());
    pages.settle();
    this.query?.update(this.head);
    this.following = this.live || this.tail;
    this.list.setRows(this.rows, this.following);
    this.keepEnd();
    if (isOtherLog) this.range = null;
    this.finder.restart(this.head);
    if (this.marked) this.showMarked();
  }

  private createList(): LogList {
    const stepOf: StepOf = (target, step) => this.choices.stepOf(target, step);
    const list = new LogList(this.scroller, this.space, this.listBody, this.from, stepOf);
    this.resizeObserver = new ResizeObserver(() => {
      list.resize();
      this.keepEnd();
    });
    this.resizeObserver.observe(this.scroller);
    return list;
  }

  /** Show the pages that have come. */
  private showPages(): void {
    this.pages?.settle();
    this.showNew();
    this.requestUpdate();
  }

  private showNew(): void {
    this.handleScroll(); // the browser reports a scroll only with the next frame
    this.list?.update();
    this.query?.update(this.head);
    this.finder.update(this.head);
    this.keepEnd();
  }

  private keepEnd(): void {
    if (this.following) this.list?.scrollToEnd();
  }

  private handleScroll(): void {
    const { list } = this;
    if (!list) return;
    const isUp = list.handleScroll();
    if (list.isAtEnd(END_MARGIN)) this.following = true;
    else if (isUp && this.following) this.stopFollowing();
  }

  private stopFollowing(): void {
    this.following = false;
    this.headWhenLeft = this.head;
  }

  private follow(): undefined {
    this.following = true;
    this.list?.scrollToEnd();
  }

  private toggle(what: 'wrap' | 'times'): undefined {
    this[what] = !this[what];
    keep('localStorage', `reprise:${what}`, this[what] ? 'yes' : 'no');
    void this.updateComplete.then(() => this.keepEnd());
  }

  private focusSearch(): boolean {
    if (!this.visible) return false;
    this.searchField.focus();
    this.searchField.select();
    return true;
  }

  /** Ask where to go, and go there. */
  private jump(): undefined {
    openJump(async (words) => {
      const place = this.pages && (await findPlace(words, this.job, this.pages.history));
      if (!place) return false;
      if (this.markable) this.mark(formatLineRange(place, place));
      await this.goTo({ place });
      return true;
    });
  }

  /** Bring a line, or the first that matches `text` and begins in the same event, into view. */
  private async goTo({ place, text = '' }: { place: LinePlace; text?: string }): Promise<void> {
    const { pages, list, rows } = this;
    if (!pages || !list || !rows) return;
    this.stopFollowing();
    const shown = await list.reveal(pages, rows, place, text);
    if (shown && text) list.setNow(shown);
  }

  /** Show the marked lines, and scroll to them if they are others than before. */
  private showMarked(): void {
    const [before] = this.range ?? [];
    this.range = this.marked ? parseLineRange(this.marked) : null;
    this.list?.setRange(this.range);
    const [from] = this.range ?? [];
    if (from && (from.seq !== before?.seq || from.part !== before.part)) {
      void this.goTo({ place: from });
    }
  }

  /** Mark lines by their name; where the reader looks does not change. */
  private mark(name: string): void {
    this.range = parseLineRange(name);
    this.dispatchEvent(new CustomEvent('mark', { detail: name }));
  }

  /** Fold the lines of a step away, or unfold them; its head stays where it is. */
  private async fold(step: string, target: string, place: LinePlace): Promise<void> {
    const name = placeOf({ step, target });
    const folded = new Set(this.folded);
    if (!folded.delete(name)) folded.add(name);
    this.folded = folded;
    await this.updateComplete;
    await this.goTo({ place });
  }

  /** A click on a line's number marks it; with shift, all lines from the marked one to it. */
  private handleClick(event: MouseEvent): void {
    const head = (event.target as HTMLElement).closest<HTMLElement>('.log-fold');
    if (head && event.type === 'click') {
      const { step = '', target = '', line = '' } = head.dataset;
      const [place] = parseLineRange(line) ?? [];
      if (place) void this.fold(step, target, place);
    }
    const link = (event.target as HTMLElement).closest('.line-seq');
    const [place] = parseLineRange(link?.textContent ?? '') ?? [];
    if (!this.markable || !place || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // also of mousedown: with shift, the browser would select text
    if (event.type === 'click') {
      const name = formatLineRange((event.shiftKey && this.range?.[0]) || place, place);
      this.mark(name === this.marked ? '' : name);
    }
  }

  private handleSearchKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.finder.step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') this.searchField.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private handleCopy(event: ClipboardEvent): void {
    const text = selectedLines(this.listBody, this.list);
    if (text === null) return;
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
  }

  private async save(how: typeof downloadLines): Promise<void> {
    const { pages, rows, range, times, from } = this;
    if (!pages || !rows) return;
    this.result = await how({ pages, rows, range, times, from, file: this.file }, (words) => {
      this.result = words;
    });
    setTimeout(() => {
      this.result = '';
    }, 2000);
  }

  override render(): TemplateResult {
    const { history } = this.pages ?? {};
    const below = this.following ? 0 : Math.max(0, this.head - this.headWhenLeft);
    const isEmpty = !history?.count || (this.list?.isEmpty && !this.query?.isBusy);
    return html`
      <div class="log-tools">
        ${this.searchTools()}
        ${toolButton('down', 'Go to', () => this.jump(), undefined, 'Go to a number, a line or a time (g)')}
        ${toolButton('follow', 'Follow', () => this.follow(), this.following)}
        ${toolButton('clock', 'Times', () => this.toggle('times'), this.times)}
        ${toolButton('wrap', 'Wrap', () => this.toggle('wrap'), this.wrap)}
        ${this.saveTools()}
      </div>
      ${filterTools(this.choices, this.chosen, this.query, (chosen) => {
        this.chosen = chosen;
      })}
      <div class="log-scroll ${this.wrap ? 'is-wrapped' : ''} ${this.times ? 'has-times' : ''} ${this.from ? 'has-from' : ''}"
        tabindex="0" role="log" aria-live="off" aria-label="Output"
        @scroll=${this.handleScroll} @mousedown=${this.handleClick} @click=${this.handleClick} @copy=${this.handleCopy}>
        <div class="list-space"></div>
        <div class="log-lines list-body"></div>
        ${isEmpty ? html`<p class="log-empty muted">${this.empty}</p>` : nothing}
      </div>
      ${
        below > 0 && this.live
          ? html`<button class="button log-below" @click=${this.follow}>${glyph('follow')}${count(below)} new below</button>`
          : nothing
      }
    `;
  }

  private saveTools(): TemplateResult {
    const words = this.range ? rangeWords(this.range) : '';
    const timed = this.times ? 'with times and numbers' : 'the text alone';
    const label = (verb: string) => [verb, words].join(' ').trim();
    return html`${toolButton('copy', this.result || label('Copy'), () => this.save(copyLines), undefined, `Copy, ${timed}`)}
      ${toolButton('download', label('Download'), () => this.save(downloadLines), undefined, `Download, ${timed}`)}`;
  }

  private searchTools(): TemplateResult {
    return html`<span class="log-find">${glyph('search')}
      <input class="field log-search" type="search" placeholder="Search" aria-label="Search the output"
        @keydown=${this.handleSearchKey} @input=${() => this.finder.search(this.searchField.value, this.head)} />
      <span class="muted log-hits" aria-live="polite">${this.finder.words}</span></span>`;
  }
}
