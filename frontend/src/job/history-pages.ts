/**
 * A job's history in pages of 1,000 events, read as they are wanted and forgotten when there are many.
 * Only this module knows how a page is read. The newest events come from the follower.
 */

import { type JobEvent, parseJson } from '../client';
import { callApi, fetchText } from '../elements/api';

/** The number of events in a page. */
export const PAGE_SIZE = 1000;
/** The text of pages that is kept, in bytes. */
const MAX_BYTES = 5_000_000;
/** Pages that the follower still fills, and those that their lines may begin in. */
const NEWEST = 4;
/** How long after a failure a page may be asked for again. */
const RETRY_MS = 2000;

/** A page as it was read. */
export interface ReadPage {
  readonly events: readonly JobEvent[];
  readonly bytes: number;
}

/** So many of the newest events are read at once, as the page's template preloads them. */
const TAIL_EVENTS = 24;

/** Reads a page of a job; throws what `callApi` throws. */
export type PageReader = (job: string, page: number) => Promise<ReadPage>;

interface KeptPage {
  readonly events: JobEvent[];
  bytes: number;
}

/** Return the page that an event is in. */
export function pageOf(seq: number): number {
  return Math.floor((seq - 1) / PAGE_SIZE);
}

/** The pages that are here, and those under way. `onChange` is called when some have come, or failed. */
export class HistoryPages {
  /** Seq of the newest event. */
  head: number;
  /** Whether the last events before those of the follower are here. */
  hasTail = false;
  private readonly pages = new Map<number, KeptPage>();
  private readonly reading = new Map<number, Promise<readonly JobEvent[]>>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly job: string,
    head: number,
    private readonly read: PageReader = readPage,
  ) {
    this.head = head;
  }

  /** The number of pages. */
  get count(): number {
    return Math.ceil(this.head / PAGE_SIZE);
  }

  /** Call `listener` when pages have come; call the result to stop. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Return a page's events from its first, or null if they are not all here. */
  peek(page: number): readonly JobEvent[] | null {
    const kept = this.pages.get(page);
    if (!kept || !isWhole(kept, page, this.head)) return null;
    this.pages.delete(page);
    this.pages.set(page, kept);
    return kept.events;
  }

  /** Return a page's events; if they are not here, begin to read them and return null. */
  want(page: number): readonly JobEvent[] | null {
    const found = this.peek(page);
    if (!found && !this.reading.has(page)) this.load(page).catch(() => undefined);
    return found;
  }

  /** Read a page. Throws what `callApi` throws. */
  async load(page: number): Promise<readonly JobEvent[]> {
    const found = this.peek(page) ?? this.reading.get(page);
    if (found) return found;
    const reading = this.readAndKeep(page);
    this.reading.set(page, reading);
    return reading;
  }

  /** The newest events without a gap, as far back as they are here. */
  newest(): readonly JobEvent[] {
    let found: JobEvent[] = [];
    for (let page = this.count - 1; page >= 0; page -= 1) {
      const kept = this.pages.get(page);
      if (kept?.events.at(-1)?.seq !== Math.min(this.head, (page + 1) * PAGE_SIZE)) break;
      found = [...kept.events, ...found];
      if (kept.events[0]?.seq !== page * PAGE_SIZE + 1) break;
    }
    return found;
  }

  /** Add the follower's events, in order. */
  append(events: readonly JobEvent[]): void {
    for (const event of events) {
      const page = pageOf(event.seq);
      const kept = this.pages.get(page) ?? { events: [], bytes: 0 };
      const last = kept.events.at(-1);
      if (last && event.seq !== last.seq + 1) continue;
      kept.events.push(event);
      kept.bytes += sizeOf(event);
      this.pages.set(page, kept);
      this.head = Math.max(this.head, event.seq);
    }
    this.forgetOldest();
  }

  /** Add events that come right before those of the follower, in order. */
  prepend(events: readonly JobEvent[]): void {
    this.hasTail = true;
    for (const page of new Set(events.map(({ seq }) => pageOf(seq)))) {
      if (this.peek(page)) continue;
      const own = events.filter(({ seq }) => pageOf(seq) === page);
      this.keep(
        page,
        own,
        own.reduce((sum, event) => sum + sizeOf(event), 0),
      );
    }
    this.tell();
  }

  /** Read a page; one that could not be read fails at once until it may be asked for again. */
  private async readAndKeep(page: number): Promise<readonly JobEvent[]> {
    try {
      const { events, bytes } = await this.read(this.job, page);
      this.reading.delete(page);
      return this.keep(page, events, bytes);
    } catch (error) {
      setTimeout(() => {
        this.reading.delete(page);
        this.tell();
      }, RETRY_MS);
      throw error;
    } finally {
      queueMicrotask(() => this.tell());
    }
  }

  /** Keep what was read, and what the follower has brought of the same page since. */
  private keep(page: number, read: readonly JobEvent[], bytes: number): readonly JobEvent[] {
    const last = read.at(-1)?.seq ?? 0;
    const since = (this.pages.get(page)?.events ?? []).filter(({ seq }) => seq > last);
    const events = since[0]?.seq === last + 1 || !since.length ? [...read, ...since] : [...read];
    this.pages.delete(page);
    this.pages.set(page, { events, bytes });
    this.head = Math.max(this.head, events.at(-1)?.seq ?? 0);
    this.forgetOldest();
    return events;
  }

  private forgetOldest(): void {
    let total = 0;
    for (const { bytes } of this.pages.values()) total += bytes;
    for (const [page, { bytes }] of this.pages) {
      if (total <= MAX_BYTES || this.pages.size <= 2 * NEWEST) return;
      if (page >= this.count - NEWEST) continue;
      this.pages.delete(page);
      total -= bytes;
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function isWhole({ events }: KeptPage, page: number, head: number): boolean {
  const from = page * PAGE_SIZE;
  return events[0]?.seq === from + 1 && events.at(-1)?.seq === Math.min(head, from + PAGE_SIZE);
}

/** Estimate the bytes of an event's text. */
function sizeOf({ type, data }: JobEvent): number {
  return 300 + (type === 'step.output' ? data.text.length : 0);
}

/** Read a page by its place; the browser keeps a full one. */
export async function readPage(job: string, page: number): Promise<ReadPage> {
  const path = `/api/jobs/${job}/pages/${(page + 1) * PAGE_SIZE}`;
  const text = await fetchText(path, { headers: { Accept: 'application/x-ndjson' } });
  const lines = text.split('\n').filter(Boolean);
  return { events: lines.map((line) => parseJson(line) as JobEvent), bytes: text.length };
}

interface EventsAnswer {
  readonly events: readonly JobEvent[];
  readonly next: string;
}

/** Read the last events up to `head`; several answers, if they are large. */
export async function fetchTail(job: string, head: number): Promise<readonly JobEvent[]> {
  const events: JobEvent[] = [];
  // The first address is that of the template.
  for (let after = String(Math.max(0, head - TAIL_EVENTS)); ; ) {
    const path = `/api/jobs/${job}/events?after=${after}&limit=${TAIL_EVENTS}`;
    const answer = await callApi<EventsAnswer>(path);
    events.push(...answer.events);
    after = answer.next;
    if (!answer.events.length || Number.parseInt(after, 10) >= head) return events;
  }
}
