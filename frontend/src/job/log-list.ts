/** The log's rows in their list: those in the DOM follow their lines, marks and hits. */

import { PagedList } from '../list/paged-list';
import { reveal } from '../text/characters';
import { PAGE_SIZE, pageOf } from './history-pages';
import { createHeadRow, type StepOf, updateHeadRow } from './log-head';
import {
  compareLines,
  isInRange,
  isUnfinished,
  type LinePlace,
  type LineRange,
  type LogLine,
  lowerBound,
} from './log-lines';
import type { LogPages } from './log-pages';
import { createLogRow, selectedText, updateLogRow } from './log-row';
import type { LogHead, LogRow, LogRows } from './log-rows';

const ROW_HEIGHT = 20;
/** As in log.css: the least that a pointer must be able to hit (WCAG 2.2, 2.5.8). */
const HEAD_HEIGHT = 24;
const NO_ROWS = { count: 0, rows: () => null, expected: () => 0 };

/** Draws `LogRows`. */
export class LogList {
  /** What is searched for, in lower case. */
  text = '';
  private readonly list: PagedList<LogRow>;
  private readonly lineOfRow = new WeakMap<Element, LogLine>();
  /** The versions of lines in the DOM that can still change. */
  private readonly unfinished = new Map<HTMLElement, number>();
  private readonly heads = new Map<HTMLElement, LogHead>();
  private range: LineRange | null = null;
  private now: LogLine | null = null;
  private goal = 0;

  /** @param from whether rows show the step of their line */
  constructor(
    scroller: HTMLElement,
    space: HTMLElement,
    private readonly body: HTMLElement,
    private readonly from: boolean,
    private readonly stepOf: StepOf,
  ) {
    this.list = new PagedList<LogRow>(scroller, space, body, NO_ROWS, ROW_HEIGHT, (row) =>
      row.kind === 'head' ? this.createHead(row) : this.createRow(row),
    );
  }

  /** Whether nothing is in view. */
  get isEmpty(): boolean {
    return this.list.isEmpty;
  }

  /** Show other rows, from the first, or at their end. */
  setRows(rows: LogRows, atEnd: boolean): void {
    this.unfinished.clear();
    this.heads.clear();
    this.goal += 1;
    this.list.setSource(rows, atEnd);
  }

  /** Show what has changed. */
  update(): void {
    for (const [row, version] of this.unfinished) this.refreshRow(row, version);
    this.list.update();
    for (const [row, head] of this.heads) {
      if (row.isConnected) updateHeadRow(row, head, this.stepOf);
      else this.heads.delete(row);
    }
    this.makeCoveredInert();
  }

  /** Rows may have other heights now. */
  resize(): void {
    this.list.resize();
  }

  /** The reader has scrolled. Returns whether it was upwards. */
  handleScroll(): boolean {
    const isUp = this.list.handleScroll();
    this.makeCoveredInert();
    return isUp;
  }

  /** Whether the end is in view, or less than `margin` px below it. */
  isAtEnd(margin: number): boolean {
    return this.list.isAtEnd(margin);
  }

  /** Scroll to the end. */
  scrollToEnd(): void {
    this.goal += 1;
    this.list.scrollToEnd();
  }

  /** Highlight the lines with a text. */
  setText(text: string): void {
    this.text = text;
    if (!text) this.now = null;
    this.styleRows();
  }

  /** Highlight the current hit. */
  setNow(line: LogLine): void {
    this.now = line;
    this.styleRows();
  }

  /** Highlight marked lines. */
  setRange(range: LineRange | null): void {
    this.range = range;
    this.styleRows();
  }

  /**
   * Bring a line into view, once its page is here: the first at `place` or after it, or the first that has
   * `text` and begins in the same event. Returns it; null if the reader has gone elsewhere meanwhile.
   */
  async reveal(
    pages: LogPages,
    rows: LogRows,
    place: LinePlace,
    text: string,
  ): Promise<LogLine | null> {
    this.goal += 1;
    const { goal } = this;
    const last = Math.max(0, pages.history.count - 1);
    const page = Math.min(pageOf(Math.max(1, place.seq)), last);
    if (!pages.linesHere(page)) {
      this.list.scrollToPage(page, ((place.seq - 1) % PAGE_SIZE) / PAGE_SIZE);
    }
    await pages.load(page);
    if (goal !== this.goal) return null;
    this.list.update();
    const found = rows.rows(page) ?? [];
    const first = lowerBound(found, (line) => compareLines(line, place) < 0);
    const hit = text ? found.findIndex((row) => row.seq === place.seq && hasText(row, text)) : -1;
    // Where no line begins there, the one before has what the event printed.
    const isThere = found[first]?.seq === place.seq;
    const index = hit >= 0 ? hit : Math.max(0, isThere ? first : first - 1);
    if (!found.length) return null;
    this.list.scrollToRow(page, index);
    const row = found[index];
    return row?.kind === 'head' ? null : (row ?? null);
  }

  /** The whole text of the line of a row. */
  textOf(row: Element): string {
    return reveal(this.lineOfRow.get(row)?.content.text ?? '');
  }

  /** Stop; the list cannot be used afterwards. */
  disconnect(): void {
    this.list.disconnect();
  }

  /** Make heads inert that the next one covers in part: what is left of them is too small to hit. */
  private makeCoveredInert(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const head of [...this.body.querySelectorAll<HTMLElement>('.log-head')].reverse()) {
      const { top } = head.getBoundingClientRect();
      const isCut = next > top && next - top < HEAD_HEIGHT;
      head.inert = isCut && !head.contains(document.activeElement);
      next = top;
    }
  }

  private createHead(head: LogHead): HTMLElement {
    const row = createHeadRow(head, this.stepOf);
    this.heads.set(row, head);
    return row;
  }

  private createRow(line: LogLine): HTMLElement {
    const row = createLogRow(line, this.from);
    this.lineOfRow.set(row, line);
    if (isUnfinished(line)) this.unfinished.set(row, line.content.version);
    this.styleRow(row, line);
    return row;
  }

  private refreshRow(row: HTMLElement, version: number): void {
    const line = this.lineOfRow.get(row);
    if (!line || !row.isConnected || !isUnfinished(line)) this.unfinished.delete(row);
    else this.unfinished.set(row, line.content.version);
    if (!line || line.content.version === version) return;
    updateLogRow(row, line);
    this.styleRow(row, line);
  }

  /** Set a row's classes. The row itself stays, and so does a selection in it. */
  private styleRow(row: HTMLElement, line: LogLine): void {
    row.classList.toggle('is-found', this.text !== '' && hasText(line, this.text));
    row.classList.toggle('is-now', this.now !== null && compareLines(this.now, line) === 0);
    row.classList.toggle('is-marked', this.range !== null && isInRange(line, this.range));
  }

  private styleRows(): void {
    this.list.forEachRow((row, line) => {
      if (line.kind !== 'head') this.styleRow(row, line);
    });
  }
}

/** Return the selected text with the whole of lines that are shown cut; null if the browser's copy is right. */
export function selectedLines(body: HTMLElement, list: LogList | undefined): string | null {
  return selectedText(body, (row) => list?.textOf(row) ?? '');
}

function hasText(row: LogRow, text: string): boolean {
  return row.kind !== 'head' && row.content.text.toLowerCase().includes(text);
}
