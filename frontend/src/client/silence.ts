import { type Lost, lost } from './close-reasons';
import type { Cancel, Clock } from './platform';

/** How often the server is asked to say something once a follower has caught up, in seconds. */
export const HEARTBEAT_S = 2;
/** What a `hello` without a usable `heartbeat_s` is taken to say. */
const UNSAID_HEARTBEAT_S = 15;
/** After so many heartbeats that did not come, nobody can say any more that all is here. */
const QUIET = 2;
/** After so many a connection is given up; a busy server or a moment without reception is no reason. */
const PATIENCE = 2.5;
const LEAST_PATIENCE_MS = 8000;
/** Times what the slowest frame of a WebSocket took: the next may be twice as large, and meet losses. */
const SLOW_PATIENCE = 5;
/** A part of the heartbeat: what comes so long after everything had come was not held back with it. */
const APART = 0.8;
/** What drips slower than this, in bytes a ms, is a proxy's sign of life and not the server's. */
const LEAST_RATE = 0.512;
/** Heartbeats of silence past which a wake-up does not trust a connection, and the least of it in ms. */
const STALE = 1.2;
const LEAST_STALE_MS = 4000;
/** A timer that comes later than this, in ms, says that the page was busy or asleep, not the line. */
const LATE_MS = 1000;

/**
 * Judges one connection by when something came over it. Times are the clock's, in ms.
 *
 * Until a follower has caught up, its server never pauses for longer than a heartbeat, and `firstFrameMs`
 * is long enough at any time. Over a `flowing` connection every few bytes are seen. A WebSocket's frame is
 * seen once it is there as a whole; the server lets one have twice the size of the largest before, so on a
 * slow line the next may take twice as long.
 */
export class Silence {
  /** Whether something has come by itself after everything had: nothing is held back. */
  proved = false;
  #seenAt: number;
  #frameAt: number;
  /** Bytes since the last whole frame. */
  #bytes = 0;
  #slowestMs = 0;
  #heartbeatMs: number | null = null;
  #caughtUpAt: number | null = null;

  constructor(
    openedAt: number,
    private readonly firstFrameMs: number,
    private readonly flowing: boolean,
  ) {
    this.#seenAt = openedAt;
    this.#frameAt = openedAt;
  }

  /** For how long nothing may come now. */
  get limit(): number {
    if (this.#heartbeatMs === null) return this.firstFrameMs;
    const most = Math.max(PATIENCE * this.#heartbeatMs, LEAST_PATIENCE_MS);
    const limit = this.#caughtUpAt === null ? Math.min(most, this.firstFrameMs) : most;
    return this.flowing ? limit : Math.max(limit, SLOW_PATIENCE * this.#slowestMs);
  }

  /** When it has been silent for too long. */
  get deadline(): number {
    return this.#until(this.limit);
  }

  /** From when on it cannot be said that all is here; never, before it was. */
  get quietAt(): number {
    if (this.#caughtUpAt === null || this.#heartbeatMs === null) return Number.POSITIVE_INFINITY;
    return this.#until(QUIET * this.#heartbeatMs);
  }

  /** Whether it has caught up and not fallen behind. */
  get isCaughtUp(): boolean {
    return this.#caughtUpAt !== null;
  }

  /** Why a connection ends over which nothing came in time; `proved`: nothing was held back. */
  overdue(asleep: boolean, proved: boolean): Lost {
    if (this.#heartbeatMs === null) {
      const seconds = Math.round(this.firstFrameMs / 100) / 10;
      return lost('no_first_frame', `Nothing came within ${seconds} s.`);
    }
    const held = !proved && !(asleep && this.isCaughtUp);
    return lost(held ? 'held' : 'silent', `Nothing came for ${Math.round(this.limit / 1000)} s.`);
  }

  /** Whether it has been so silent that, after a sleep, it is likelier dead than alive. */
  stale(now: number): boolean {
    if (this.#heartbeatMs === null) return false;
    return now - this.#seenAt > Math.max(STALE * this.#heartbeatMs, LEAST_STALE_MS);
  }

  /** Nobody was looking until now. */
  attend(now: number): void {
    this.#seenAt = now;
    this.#frameAt = now;
  }

  /** So many bytes came, perhaps no whole frame. */
  bytes(size: number, now: number): void {
    this.#seenAt = now;
    this.#bytes += size;
  }

  /** A whole frame came. */
  frame(now: number): void {
    if (this.#heartbeatMs !== null) {
      // Once caught up, the server may just have had nothing to say.
      if (!this.isCaughtUp) this.#slowestMs = Math.max(this.#slowestMs, now - this.#seenAt);
      const apart = (this.#caughtUpAt ?? now) + APART * this.#heartbeatMs;
      if (now >= apart) this.proved = true;
    }
    this.attend(now);
    this.#bytes = 0;
  }

  /** `hello` came; it says how often something will. */
  greeted(heartbeatS: unknown): void {
    const usable = typeof heartbeatS === 'number' && heartbeatS > 0;
    this.#heartbeatMs = 1000 * (usable ? heartbeatS : UNSAID_HEARTBEAT_S);
  }

  /** Everything has come. */
  caughtUp(now: number): void {
    this.#caughtUpAt ??= now;
  }

  /** There is more to come than the server sends as it happens. */
  fellBehind(): void {
    this.#caughtUpAt = null;
  }

  #until(limit: number): number {
    const paid = this.#frameAt + limit + this.#bytes / LEAST_RATE;
    return Math.min(this.#seenAt + limit, paid);
  }
}

/** What becomes of a connection that is silent. */
export interface WatchListener {
  /** Heartbeats are overdue; told once until `heard`. */
  quiet(): void;
  /** It has been silent for too long; `asleep` where that may be the page's doing. */
  late(asleep: boolean): void;
}

/** Keeps the time for a `Silence`. */
export class Watch {
  #timer: Cancel = () => undefined;
  #quiet = false;
  #excused = false;

  constructor(
    private readonly silence: Silence,
    private readonly clock: Clock,
    private readonly listener: WatchListener,
  ) {}

  /** Look when something is due; again, where that is sooner than it was. */
  arm(): void {
    this.stop();
    const { deadline, quietAt } = this.silence;
    const due = this.#quiet ? deadline : Math.min(deadline, quietAt);
    this.#timer = this.clock.after(Math.max(0, due - this.clock.now()), () => this.#look(due));
  }

  /** Something came; return whether it had been quiet. */
  heard(): boolean {
    const was = this.#quiet;
    this.#quiet = false;
    this.#excused = false;
    return was;
  }

  stop(): void {
    this.#timer();
  }

  #look(due: number): void {
    const now = this.clock.now();
    const asleep = now > due + LATE_MS;
    // What came while the page could not look is still to be seen.
    if (asleep && !this.#excused && !this.silence.isCaughtUp) {
      this.#excused = true;
      this.silence.attend(now);
    }
    if (now >= this.silence.deadline) {
      this.listener.late(asleep);
      return;
    }
    if (now >= this.silence.quietAt && !this.#quiet) {
      this.#quiet = true;
      this.listener.quiet();
    }
    this.arm();
  }
}
