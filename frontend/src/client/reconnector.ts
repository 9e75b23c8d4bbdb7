import type { Backoff } from './backoff.js';
import { type Lost, lost } from './close-reasons.js';
import type { Connection } from './connection.js';
import type { Cancel, Platform } from './platform.js';

/** How long a connection may take to its first frame by default, in ms. */
export const FIRST_FRAME_MS = 4000;
/** Codes after which what was given out before is no longer valid. */
export const DIVERGED: ReadonlySet<string> = new Set(['cursor_ahead', 'history_diverged']);
/** A connection that lived this long, or delivered events, resets the backoff. */
const WORTHWHILE_MS = 5000;
/** Codes of a transport that lets the time pass, or that cannot carry a message. */
const SILENT: ReadonlySet<string> = new Set(['no_first_frame', 'held', 'message_too_big']);

/** Whether a connection ended because nothing came through. */
export function isSilent(why: Lost): boolean {
  return SILENT.has(why.code);
}

/** Keeps a connection up: opens it, and opens it again after a pause. */
export abstract class Reconnector<C extends Connection> {
  protected connection: C | null = null;
  #waiting: Cancel | null = null;
  #unwatch: Cancel = () => undefined;
  #notBefore = 0;

  constructor(
    protected readonly platform: Platform,
    protected readonly backoff: Backoff,
  ) {}

  /** Close everything. */
  stop(): void {
    this.#unwatch();
    this.#unwatch = () => undefined;
    this.drop();
  }

  /** Try again now instead of waiting. */
  abstract tryNow(): void;

  /** Replace the connection by a new one. */
  protected abstract open(): void;

  /** Report that the connection is lost and that the next try is in `waitMs`. */
  protected abstract reportWait(why: Lost, waitMs: number): void;

  protected get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** Connect, and stay connected until `stop`. */
  protected run(): void {
    this.backoff.reset();
    this.#unwatch = this.platform.signals.watch(
      () => this.#wake(),
      () => this.#goOffline(),
    );
    this.open();
  }

  /** Close the connection, or cancel the wait for the next one. */
  protected drop(): void {
    this.#waiting?.();
    this.#waiting = null;
    this.connection?.close();
    this.connection = null;
  }

  protected wait(why: Lost, waitMs: number): void {
    const { clock } = this.platform;
    this.drop();
    this.#notBefore = clock.now() + why.retryAfterMs;
    this.#waiting = clock.after(waitMs, () => this.open());
    this.reportWait(why, waitMs);
  }

  /** Whether a connection was worth having, so that the backoff starts over. */
  protected wasWorthwhile({ delivered, greeted, age }: Connection): boolean {
    return delivered > 0 || (greeted && age >= WORTHWHILE_MS);
  }

  /** Count a lost connection against its transport; return what the matching method of `record` does. */
  protected blame(
    { isCaughtUp, deliveredForLong }: Connection,
    why: Lost,
    record: { missed(silent: boolean): boolean; heldBack(): boolean },
  ): boolean {
    // Without a network every transport fails, which says nothing about any of them.
    if (why.fromServer || !this.platform.signals.online()) return false;
    if (isCaughtUp) return why.code === 'held' && record.heldBack();
    return (isSilent(why) || !deliveredForLong) && record.missed(isSilent(why));
  }

  /** The network is back, or the page is visible again. */
  #wake(): void {
    if (this.isWaiting) {
      if (this.platform.clock.now() >= this.#notBefore) this.tryNow();
    } else if (this.connection?.isStale) {
      this.wait(lost('stale', 'Nothing had come for a while.'), 0);
    }
  }

  #goOffline(): void {
    if (this.connection === null) return;
    this.wait(lost('offline', 'This machine has no network.'), this.backoff.next());
  }
}
