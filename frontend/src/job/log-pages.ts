/** The lines of a log by pages: the newest as they come, the others made of the history when they are wanted. */

import type { JobEvent } from '../client';
import { type HistoryPages, pageOf } from './history-pages';
import { isUnfinished, LineReader, type LogLine, linesOfPage, REACH } from './log-lines';

/** The lines that are kept beside the newest, and the pages that are kept whatever they have. */
const MAX_LINES = 16_000;
const MIN_KEPT = 4;
const NO_LINES: readonly LogLine[] = [];

/** Reads the newest events as they come; its arrays of lines grow in place. */
class NewestLines {
  /** The first page whose lines are here, all of them if `isWhole`. */
  first: number;
  readonly lines = new Map<number, LogLine[]>();
  private seq = 0;
  private readonly reader = new LineReader((line) => {
    const page = pageOf(line.seq);
    if (page < this.first) return;
    const lines = this.lines.get(page) ?? [];
    lines.push(line);
    this.lines.set(page, lines);
  });

  constructor(
    first: number,
    readonly isWhole: boolean,
  ) {
    this.first = first;
  }

  take(events: readonly JobEvent[]): void {
    const fresh = events.filter(({ seq }) => seq > this.seq);
    this.seq = fresh.at(-1)?.seq ?? this.seq;
    this.reader.take(fresh);
    const oldest = pageOf(this.seq) - REACH.pages - 1;
    for (; this.first < oldest; this.first += 1) this.lines.delete(this.first);
  }
}

interface KeptLines {
  readonly lines: readonly LogLine[];
  /** The head that they were made at, if more can still change them. */
  readonly head: number;
}

/** The lines of each page, once they can be said. */
export class LogPages {
  /** Grows when lines may have changed. */
  revision = 0;
  private newest: NewestLines | null = null;
  private readonly kept = new Map<number, KeptLines>();

  constructor(readonly history: HistoryPages) {}

  /** Whether the newest lines are here as they would be if the whole log had been read. */
  get isSettled(): boolean {
    return this.history.count === 0 || this.newest?.isWhole === true;
  }

  /** Whether anybody has asked for lines. */
  get isOpen(): boolean {
    return this.newest !== null;
  }

  /** Add the follower's events, after the history has them. */
  append(events: readonly JobEvent[]): void {
    this.revision += events.length;
    this.newest?.take(events);
  }

  /** Return the lines that begin in a page, or null; then it is read, after what the newest lines need. */
  linesOf(page: number): readonly LogLine[] | null {
    return this.linesHere(page) ?? (this.newest?.isWhole ? this.readLines(page) : null);
  }

  /** Whether the lines of a page are here and no event can change them. */
  isFinal(page: number): boolean {
    return this.kept.get(page)?.head === Number.POSITIVE_INFINITY;
  }

  /** Return the lines of a page if they are here already; those of the newest pages always are. */
  linesHere(page: number): readonly LogLine[] | null {
    const { newest } = this;
    if (newest && page >= newest.first) return newest.lines.get(page) ?? NO_LINES;
    const kept = this.kept.get(page);
    return kept && kept.head >= this.history.head ? kept.lines : null;
  }

  /** Read the lines of a page. Throws what `callApi` throws. */
  async load(page: number): Promise<readonly LogLine[]> {
    for (let last = page; ; last += 1) {
      await this.loadBefore(last);
      if (this.newest && page >= this.newest.first) await this.loadBefore(this.newest.first);
      this.settle();
      const lines = this.linesHere(page) ?? this.readLines(page);
      if (lines) return lines;
    }
  }

  /** Read a page of the history, and those before it within reach. */
  private async loadBefore(page: number): Promise<void> {
    const first = Math.max(0, page - REACH.pages);
    const pages = Array.from({ length: page - first + 1 }, (_, i) => first + i);
    await Promise.all(pages.map((one) => this.history.load(one)));
  }

  private readLines(page: number): readonly LogLine[] | null {
    const { head, count } = this.history;
    const lines = linesOfPage(page, count, (one) => this.history.want(one));
    if (!lines) return null;
    const open = page + REACH.pages >= count - 1 && lines.some(isUnfinished);
    this.kept.delete(page);
    this.kept.set(page, { lines, head: open ? head : Number.POSITIVE_INFINITY });
    this.forgetOldest();
    return lines;
  }

  private forgetOldest(): void {
    let total = 0;
    for (const { lines } of this.kept.values()) total += lines.length;
    for (const [page, { lines }] of this.kept) {
      if (total <= MAX_LINES || this.kept.size <= MIN_KEPT) return;
      this.kept.delete(page);
      total -= lines.length;
    }
  }

  /**
   * Begin the newest lines with what is here, and again once the pages that may reach into them are here
   * too. To be called before lines are asked for, and when pages have come.
   */
  settle(): void {
    if (this.newest?.isWhole || !this.history.hasTail) return;
    const events = this.history.newest();
    const [oldest] = events;
    if (!oldest) return;
    const page = this.newest?.first ?? pageOf(oldest.seq);
    const from = Math.max(0, page - REACH.pages);
    const before = Array.from({ length: page - from + 1 }, (_, i) => this.history.want(from + i));
    const isWhole = !before.includes(null);
    if (!isWhole && this.newest) return;
    this.newest = new NewestLines(page, isWhole);
    if (isWhole) for (const read of before) this.newest.take(read ?? []);
    this.newest.take(events);
    this.revision += 1;
  }
}
