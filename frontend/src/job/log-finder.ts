/** The search in a log: the server finds, as the reader types; the reader goes from hit to hit. */

import { count } from '../text/format';
import type { LinePlace } from './log-lines';
import type { LogQuery } from './log-query';

const PAUSE_MS = 150;

/** What the search needs of the log. */
export interface FinderHost {
  /** Return a query for a text. */
  readonly ask: (text: string, onChange: () => void) => LogQuery;
  /** Show the line that has `text` and begins in the event of `place`. */
  readonly show: (hit: { readonly place: LinePlace; readonly text: string }) => void;
  readonly changed: () => void;
}

/** One field's search. */
export class LogFinder {
  /** What is searched for, in lower case. */
  text = '';
  private query: LogQuery | null = null;
  /** The seq of the current hit; 0 for none. */
  private seq = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly host: FinderHost) {}

  /** Search for another text, in the events up to `head`. */
  search(text: string, head: number): void {
    this.text = text.toLowerCase();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restart(head), this.query ? PAUSE_MS : 0);
    this.host.changed();
  }

  /** Search again from the first event. */
  restart(head: number): void {
    this.stop();
    this.seq = 0;
    this.query = this.text ? this.host.ask(this.text, () => this.handleHits()) : null;
    this.query?.update(head);
    this.host.changed();
  }

  /** Search on, if there are more events. */
  update(head: number): void {
    this.query?.update(head);
  }

  /** Go to the next hit, or with -1 to the one before; after the last comes the first. */
  step(by: 1 | -1): void {
    const seqs = this.query?.seqs ?? [];
    if (!seqs.length) return;
    const at = (this.index + by + seqs.length) % seqs.length;
    this.goTo(seqs[at] ?? 0);
  }

  /** Stop searching. */
  stop(): void {
    clearTimeout(this.timer);
    this.query?.stop();
    this.query = null;
  }

  /** What has been found so far, in words. */
  get words(): string {
    const { query } = this;
    if (!this.text || !query) return '';
    if (query.failure) return 'The search failed';
    const found = query.seqs.length;
    if (!found) return query.isBusy ? 'searching' : 'none';
    return `${count(this.index + 1)} of ${count(found)}${query.isBusy ? ' so far' : ''}`;
  }

  private get index(): number {
    return this.seq ? Math.max(0, (this.query?.indexAfter(this.seq) ?? 1) - 1) : 0;
  }

  private handleHits(): void {
    const [first] = this.query?.seqs ?? [];
    if (!this.seq && first) this.goTo(first);
    this.host.changed();
  }

  private goTo(seq: number): void {
    this.seq = seq;
    this.host.show({ place: { seq, part: 1 }, text: this.text });
    this.host.changed();
  }
}
