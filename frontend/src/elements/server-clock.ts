/**
 * The server's clock, which the pages count by: the reader's own may be hours off, or be set while they
 * look. It goes on by the browser's monotonic one from what the server says now and then.
 */

/** An answer may have been on its way for so long; what seems later has been set back, or corrected. */
const MAX_LATENCY_MS = 5000;

/** How a clock of ms is read. */
export type ReadClock = () => number;

/** Counts as the server does, and stands still while nothing is known of it. */
export class ServerClock {
  /** Add to the monotonic clock to get the server's; null before anything was heard. */
  #offset: number | null = null;
  #confirmedAt: number;
  #frozenAt: number | null = null;
  /** Called when it stops or goes on, so that what counts by it is drawn at once. */
  onFreezeChange: () => void = () => undefined;

  constructor(
    private readonly monotonic: ReadClock = () => performance.now(),
    private readonly local: ReadClock = () => Date.now(),
  ) {
    this.#confirmedAt = monotonic();
  }

  /** Take in what the server's clock said; `at` (monotonic) is when it was heard. */
  sync(said: string | null | undefined, at = this.monotonic()): void {
    const offset = Date.parse(said ?? '') - at;
    if (Number.isNaN(offset)) return;
    const lag = (this.#offset ?? Number.NEGATIVE_INFINITY) - offset;
    if (lag < 0 || lag > MAX_LATENCY_MS) this.#offset = offset;
  }

  /** Take in when something happened: it cannot be earlier than that now. */
  ensureNotBefore(moment: string | undefined): void {
    const offset = Date.parse(moment ?? '') - this.monotonic();
    if (this.#offset !== null && offset > this.#offset) this.#offset = offset;
  }

  /** Note that what the page shows is so now. */
  markCurrent(): void {
    this.#confirmedAt = this.monotonic();
  }

  /** What the server's clock says now, ms since the epoch; the reader's own before it is known. */
  now(): number {
    return this.#toServerTime(this.monotonic());
  }

  /** The moment as of which the page shows things: now, or when they were last known to be so. */
  displayTime(): number {
    return this.#frozenAt === null ? this.now() : this.#toServerTime(this.#frozenAt);
  }

  /** Stand still at the moment that was last confirmed. */
  freeze(): void {
    if (this.#frozenAt !== null) return;
    this.#frozenAt = this.#confirmedAt;
    this.onFreezeChange();
  }

  /** Go on: what is shown is so now. */
  resume(): void {
    this.markCurrent();
    if (this.#frozenAt === null) return;
    this.#frozenAt = null;
    this.onFreezeChange();
  }

  /** As of when the page shows things, ms since the epoch; null while that is now. */
  get frozenAt(): number | null {
    return this.#frozenAt === null ? null : this.#toServerTime(this.#frozenAt);
  }

  /** Return the server's time of a moment that the reader's own clock has given, just now or lately. */
  fromLocal(ms: number): number {
    return ms + this.now() - this.local();
  }

  #toServerTime(monotonic: number): number {
    if (this.#offset !== null) return monotonic + this.#offset;
    return this.local() - this.monotonic() + monotonic;
  }
}

/** The page's. */
export const serverClock = new ServerClock();

/** Take in the moment at which the server made this page, which its first byte brought. */
function syncFromPage(): void {
  const said = document.querySelector<HTMLMetaElement>('meta[name="server-time"]')?.content;
  const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  serverClock.sync(said, entry?.responseStart || performance.now());
}

/** `fetch`, taking in what each answer's `Date` says. */
export async function fetchAndSync(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  serverClock.sync(response.headers.get('Date'));
  return response;
}

// Before any element counts by it, and not where tests import it without a page.
if (typeof document !== 'undefined') syncFromPage();
