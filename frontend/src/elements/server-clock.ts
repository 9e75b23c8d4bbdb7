/**
 * An estimate of the server's clock. The reader's clock may be hours off, or change while the page is
 * open; so pages take the time from the server and count on with the browser's monotonic clock.
 */

/** The longest latency of an answer; a larger lag means that the server's clock was set back. */
const MAX_LATENCY_MS = 5000;

/** Counts like the server's clock, and can be frozen while the page has no connection. */
export class ServerClock {
  /** The server's clock minus the monotonic one; null before the first sync. */
  #offset: number | null = null;
  #confirmedAt: number;
  #frozenAt: number | null = null;
  /** The past time that the page shows, ms since the epoch. */
  #pastTime: number | null = null;
  /** Called when it freezes or resumes, so that counting elements update at once. */
  onFreezeChange: () => void = () => undefined;

  constructor(
    private readonly monotonic: () => number = () => performance.now(),
    private readonly local: () => number = () => Date.now(),
  ) {
    this.#confirmedAt = monotonic();
  }

  /** Take a time that the server sent; `at` (monotonic) is when it arrived. */
  sync(time: string | null | undefined, at = this.monotonic()): void {
    const offset = Date.parse(time ?? '') - at;
    if (Number.isNaN(offset)) return;
    const lag = (this.#offset ?? Number.NEGATIVE_INFINITY) - offset;
    if (lag < 0 || lag > MAX_LATENCY_MS) this.#offset = offset;
  }

  /** Take the time of an event: the server's clock cannot be before it. */
  ensureNotBefore(moment: string | undefined): void {
    const offset = Date.parse(moment ?? '') - this.monotonic();
    if (this.#offset !== null && offset > this.#offset) this.#offset = offset;
  }

  /** Note that the page is up to date now. */
  markCurrent(): void {
    this.#confirmedAt = this.monotonic();
  }

  /** The server's time, ms since the epoch; the reader's own before the first sync. */
  now(): number {
    return this.#toServerTime(this.monotonic());
  }

  /** The time of what the page shows: now, or when it was frozen, or a past one. */
  displayTime(): number {
    if (this.#pastTime !== null) return this.#pastTime;
    return this.#frozenAt === null ? this.now() : this.#toServerTime(this.#frozenAt);
  }

  /** Freeze at the moment when the page was last up to date. */
  freeze(): void {
    if (this.#frozenAt !== null) return;
    this.#frozenAt = this.#confirmedAt;
    this.onFreezeChange();
  }

  /** Resume: the page is up to date now. */
  resume(): void {
    this.markCurrent();
    if (this.#frozenAt === null) return;
    this.#frozenAt = null;
    this.onFreezeChange();
  }

  /** Show a past time (RFC 3339) until this is called with null. */
  showPast(time: string | null): void {
    this.#pastTime = time === null ? null : Date.parse(time);
    this.onFreezeChange();
  }

  /** When the page was last up to date, ms since the epoch; null unless frozen. */
  get frozenAt(): number | null {
    return this.#frozenAt === null ? null : this.#toServerTime(this.#frozenAt);
  }

  /** Convert a recent time of the reader's clock to the server's. */
  fromLocal(ms: number): number {
    return ms + this.now() - this.local();
  }

  #toServerTime(monotonic: number): number {
    if (this.#offset !== null) return monotonic + this.#offset;
    return this.local() - this.monotonic() + monotonic;
  }
}

/** The clock of this page. */
export const serverClock = new ServerClock();

/** Sync with the time at which the server made this page. */
function syncFromPage(): void {
  const time = document.querySelector<HTMLMetaElement>('meta[name="server-time"]')?.content;
  const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  serverClock.sync(time, entry?.responseStart || performance.now());
}

/** `fetch`, and sync the clock with the answer's `Date`. */
export async function fetchAndSync(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  serverClock.sync(response.headers.get('Date'));
  return response;
}

// Sync before any element uses the clock; tests import this module without a page.
if (typeof document !== 'undefined') syncFromPage();
