import type { Backoff } from './backoff.js';
import { type Lost, lost } from './close-reasons.js';
import type { Connection } from './connection.js';
import type { Cancel, Platform } from './platform.js';

/** How long a connection may take to its first frame by default, in ms. */
export const FIRST_FRAME_MS = 4000;
/** Codes after which what was given out before is no longer valid. */
export const DIVERGED: readonly string[] = ['cursor_ahead', 'history_diverged'];
/** A connection that lived this long, or delivered events, resets the backoff. */
const WORTHWHILE_MS = 5000;
/** A connection that delivered for this long, in ms, was slow rather than broken, even if it is then cut. */
const LONG_MS = 20_000;
/** Codes of a transport that lets the time pass, or that cannot carry a message. */
const SILENT: readonly string[] = ['no_first_frame', 'held', 'message_too_big'];

/** Keeps a connection up: opens it, and opens it again after a pause. */
export abstract class Reconnector<C extends Connection> {
  /** The connection in use; null while waiting for one. */
  connection: C | null = null;
  /** Cancels the wait for the next connection; null while there is none. */
  protected waiting: Cancel | null = null;
  #unwatch: Cancel | null = null;
  #notBefore = 0;

  constructor(
    readonly platform: Platform,
    protected readonly backoff: Backoff,
  ) {}

  /** Close everything. */
  stop(): void {
    this.#unwatch?.();
    this.drop();
  }

  /** Try again now instead of waiting. */
  abstract tryNow(): void;

  /** Replace the connection by a new one. */
  protected abstract open(): void;

  /** Report that the connection is lost and that the next try is in `waitMs`. */
  protected abstract reportWait(why: Lost, waitMs: number): void;

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
    this.waiting?.();
    this.waiting = null;
    this.connection?.close();
    this.connection = null;
  }

  /** Connect again after `pauseMs`, or later if the server says so. */
  protected wait(why: Lost, pauseMs: number): void {
    const { clock } = this.platform;
    const waitMs = why.retryAfterMs + pauseMs;
    this.drop();
    this.#notBefore = clock.now() + why.retryAfterMs;
    this.waiting = clock.after(waitMs, () => this.open());
    this.reportWait(why, waitMs);
  }

  /**
   * Count a lost connection against its transport, and let the backoff start over if it was worth having.
   *
   * @returns whether another transport may be tried at once: the silence was already a wait
   */
  protected blame(
    { isCaughtUp, isProved, greeted, delivered, age }: Connection,
    why: Lost,
    record: { missed(silent: boolean): boolean; heldBack(): boolean },
  ): boolean {
    if (isProved || delivered > 0 || (greeted && age >= WORTHWHILE_MS)) this.backoff.reset();
    // Without a network every transport fails, which says nothing about any of them.
    if (why.fromServer || !this.platform.signals.online()) return false;
    if (isCaughtUp) return why.code === 'held' && record.heldBack();
    const silent = SILENT.includes(why.code);
    const slow = delivered > 0 && age >= LONG_MS;
    return (silent || !slow) && record.missed(silent) && silent;
  }

  /** The network is back, or the page is visible again. */
  #wake(): void {
    if (this.waiting) {
      if (this.platform.clock.now() >= this.#notBefore) this.tryNow();
    } else if (this.connection?.isStale) {
      this.wait(lost('stale', 'Nothing came for a while.'), 0);
    }
  }

  #goOffline(): void {
    if (this.connection === null) return;
    this.wait(lost('offline', 'This machine has no network.'), this.backoff.next());
  }
}
