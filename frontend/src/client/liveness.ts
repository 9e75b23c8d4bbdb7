import { type Lost, lost, secondsToMs } from './close-reasons.js';

/** The heartbeat interval that the follower asks the server for, in seconds. */
export const HEARTBEAT_S = 2;
/** The heartbeat assumed for a `hello` without a usable `heartbeat_s`. */
const DEFAULT_HEARTBEAT_MS = 15_000;
/** Missed heartbeats after which the follower no longer claims to have everything. */
const QUIET_HEARTBEATS = 2;
/** Missed heartbeats after which a connection is closed, and the least wait: a busy server is not dead. */
const DEAD_HEARTBEATS = 2.5;
const MIN_DEAD_MS = 8000;
/** Factor on the slowest WebSocket frame so far: the next may be twice as large and meet packet loss. */
const SLOW_FACTOR = 5;
/** Share of a heartbeat after which a frame cannot have been held back together with the history. */
const PROOF_SHARE = 0.8;
/** Bytes per ms; anything slower is a proxy's keep-alive, not the server's data. */
const MIN_RATE = 0.512;
/** Heartbeats of silence after which a connection is not trusted on wake-up, and the least of it in ms. */
const STALE_HEARTBEATS = 1.2;
const MIN_STALE_MS = 4000;

/**
 * Decides from the times of bytes and frames whether a connection is alive. Times are the clock's, in ms.
 *
 * Until a follower has caught up, the server never pauses for longer than a heartbeat, so `firstFrameMs`
 * is always long enough. A `flowing` connection reports every few bytes. A WebSocket reports only whole
 * frames; the server may double the size of its largest frame, so on a slow line the next one may take
 * twice as long.
 */
export class Liveness {
  /** Whether a frame came well after catching up: no proxy holds data back. */
  isProved = false;
  #heardAt: number;
  #frameAt: number;
  /** Bytes since the last whole frame. */
  #bytes = 0;
  #slowestMs = 0;
  /** 0 until a `hello` says it. */
  #heartbeatMs = 0;
  /** Infinite while there is more to come. */
  #caughtUpAt = Number.POSITIVE_INFINITY;

  constructor(
    openedAt: number,
    private readonly firstFrameMs: number,
    private readonly flowing = false,
  ) {
    this.#heardAt = openedAt;
    this.#frameAt = openedAt;
  }

  /** How long the connection may be silent now. */
  get maxSilence(): number {
    if (!this.#heartbeatMs) return this.firstFrameMs;
    const most = Math.max(DEAD_HEARTBEATS * this.#heartbeatMs, MIN_DEAD_MS);
    const limit = this.isCaughtUp ? most : Math.min(most, this.firstFrameMs);
    return this.flowing ? limit : Math.max(limit, SLOW_FACTOR * this.#slowestMs);
  }

  /** When the connection counts as dead. */
  get deadline(): number {
    return this.#deadlineAfter(this.maxSilence);
  }

  /** When the follower can no longer claim to have everything; infinite before it has caught up. */
  get quietAt(): number {
    if (!this.isCaughtUp) return Number.POSITIVE_INFINITY;
    return this.#deadlineAfter(QUIET_HEARTBEATS * this.#heartbeatMs);
  }

  /** Whether it has caught up and not fallen behind since. */
  get isCaughtUp(): boolean {
    return this.#caughtUpAt < Number.POSITIVE_INFINITY;
  }

  /** Return why a silent connection is closed; `isProved` rules out a proxy that holds data back. */
  timeout(asleep: boolean, isProved: boolean): Lost {
    const held = !isProved && !(asleep && this.isCaughtUp);
    const code = held ? 'held' : 'silent';
    const message = `Nothing came for ${Math.round(this.maxSilence / 100) / 10} s.`;
    return lost(this.#heartbeatMs ? code : 'no_first_frame', message);
  }

  /** Whether the connection is more likely dead than alive after the page slept. */
  isStale(now: number): boolean {
    if (!this.#heartbeatMs) return false;
    return now - this.#heardAt > Math.max(STALE_HEARTBEATS * this.#heartbeatMs, MIN_STALE_MS);
  }

  /** Restart the measurement: the page could not look until now. */
  restart(now: number): void {
    this.#heardAt = now;
    this.#frameAt = now;
  }

  /** Note received bytes, which may be part of a frame. */
  onBytes(size: number, now: number): void {
    this.#heardAt = now;
    this.#bytes += size;
  }

  /** Note a whole frame. */
  onFrame(now: number): void {
    // Once caught up, the server may simply have had nothing to send.
    if (this.#heartbeatMs && !this.isCaughtUp) {
      this.#slowestMs = Math.max(this.#slowestMs, now - this.#heardAt);
    }
    if (now >= this.#caughtUpAt + PROOF_SHARE * this.#heartbeatMs) this.isProved = true;
    this.restart(now);
    this.#bytes = 0;
  }

  /** Note a `hello` and the heartbeat that it announces. */
  onHello(heartbeatS: unknown): void {
    this.#heartbeatMs = secondsToMs(heartbeatS) || DEFAULT_HEARTBEAT_MS;
  }

  /** Note that everything has come. */
  onCaughtUp(now: number): void {
    this.#caughtUpAt = Math.min(this.#caughtUpAt, now);
  }

  /** Note that the server has more history to send. */
  onFellBehind(): void {
    this.#caughtUpAt = Number.POSITIVE_INFINITY;
  }

  #deadlineAfter(limit: number): number {
    const byRate = this.#frameAt + limit + this.#bytes / MIN_RATE;
    return Math.min(this.#heardAt + limit, byRate);
  }
}
