/** The rows of the log's list: the lines of each page that a filter lets through, and a head for each step in it. */

import type { RowPages } from '../list/page-heights';
import { PAGE_SIZE } from './history-pages';
import type { LogLine } from './log-lines';
import type { LogPages } from './log-pages';
import type { LogFilter, LogQuery } from './log-query';

/** The rows that are kept beside those of the newest pages, and the pages that are kept in any case. */
const MAX_ROWS = 16_000;
const MIN_KEPT = 8;
const NO_ROWS: readonly LogRow[] = [];

/** Stands above the first line of a step in a page. */
export interface LogHead {
  readonly kind: 'head';
  /** Its place: before that line. */
  readonly seq: number;
  readonly part: number;
  readonly target: string;
  readonly step: string;
  readonly isFolded: boolean;
  /** The lines of the step in this page. */
  lines: number;
}

/** A row of the list. */
export type LogRow = LogLine | LogHead;

/** What decides which lines have rows. */
export interface RowOptions {
  readonly filter: LogFilter;
  /** The steps that failed or needed another try, by `placeOf`. */
  readonly failed: ReadonlySet<string>;
  /** The steps that only have their heads, by `placeOf`; null: no step has a head. */
  readonly folded: ReadonlySet<string> | null;
}

interface PageRows {
  /** What the rows were made of; null once they are final. */
  lines: readonly LogLine[] | null;
  readonly rows: LogRow[];
  readonly heads: Map<string, LogHead>;
  /** The number of lines that were looked at. */
  checked: number;
}

/** Whether a filter lets a line through. */
export function matchesFilter(
  line: LogLine,
  { target, step, stream, failures }: LogFilter,
  failed: ReadonlySet<string>,
): boolean {
  if (target !== null && line.target !== target) return false;
  if (step !== null && line.step !== step) return false;
  if (stream && line.kind !== stream) return false;
  return !failures || line.kind === 'bad' || failed.has(placeOf(line));
}

/** The name of a step on a target. */
export function placeOf({ step, target }: { step: string; target: string | null }): string {
  return `${step}\n${target ?? ''}`;
}

/** With a filter, only those pages are read in which `query` has found lines. */
export class LogRows implements RowPages<LogRow> {
  private readonly pagesHere = new Map<number, PageRows>();
  /** The rows of the pages that were seen, to guess at those that were not. */
  private seen = { pages: 0, rows: 0 };

  constructor(
    private readonly pages: LogPages,
    private readonly query: LogQuery | null,
    private readonly options: RowOptions,
  ) {}

  get count(): number {
    return this.pages.history.count;
  }

  rows(page: number): readonly LogRow[] | null {
    if (!this.expected(page)) return NO_ROWS;
    const kept = this.pagesHere.get(page);
    if (kept && !kept.lines) return kept.rows;
    const lines = this.pages.linesOf(page);
    return lines && this.makeRows(page, lines);
  }

  expected(page: number): number {
    const kept = this.pagesHere.get(page);
    if (kept && !kept.lines) return kept.rows.length;
    const here = this.pages.linesHere(page);
    if (here) return this.makeRows(page, here).length;
    const until = (page + 1) * PAGE_SIZE;
    if (!this.query || (this.query.failure && this.query.searched < until)) return this.typical;
    return this.query.countBetween(page * PAGE_SIZE, until);
  }

  /** Whether a line has a row, or would have one if its step were not folded. */
  includes(line: LogLine): boolean {
    return matchesFilter(line, this.options.filter, this.options.failed);
  }

  /** Resolves when the pages that have such lines are known. */
  async whenFiltered(): Promise<void> {
    await this.query?.answered;
  }

  /** Make the rows of a page, or those of the lines that it has got since. */
  private makeRows(page: number, lines: readonly LogLine[]): readonly LogRow[] {
    const found = this.pagesHere.get(page);
    const kept = found?.lines === lines ? found : newRows(lines);
    for (; kept.checked < lines.length; kept.checked += 1) {
      const line = lines[kept.checked];
      if (line && this.includes(line)) this.addRow(kept, line);
    }
    if (this.pages.isFinal(page)) this.finish(kept);
    this.pagesHere.set(page, kept);
    this.forgetOldest();
    return kept.rows;
  }

  private addRow({ rows, heads }: PageRows, line: LogLine): void {
    const { folded } = this.options;
    const place = placeOf(line);
    if (folded && line.step) {
      const head = heads.get(place) ?? headOf(line, folded.has(place));
      if (!heads.has(place)) rows.push(head);
      heads.set(place, head);
      head.lines += 1;
      if (head.isFolded) return;
    }
    rows.push(line);
  }

  private finish(kept: PageRows): void {
    kept.lines = null;
    this.seen.pages += 1;
    this.seen.rows += kept.rows.length;
  }

  private forgetOldest(): void {
    let total = 0;
    for (const { rows } of this.pagesHere.values()) total += rows.length;
    for (const [page, { rows }] of this.pagesHere) {
      if (total <= MAX_ROWS || this.pagesHere.size <= MIN_KEPT) return;
      this.pagesHere.delete(page);
      total -= rows.length;
    }
  }

  /** The rows of a typical page. */
  private get typical(): number {
    const { pages, rows } = this.seen;
    return pages ? Math.max(1, Math.round(rows / pages)) : PAGE_SIZE;
  }
}

function newRows(lines: readonly LogLine[]): PageRows {
  return { lines, rows: [], heads: new Map(), checked: 0 };
}

function headOf({ seq, part, target, step }: LogLine, isFolded: boolean): LogHead {
  return { kind: 'head', seq, part: part - 0.5, target, step, isFolded, lines: 0 };
}
