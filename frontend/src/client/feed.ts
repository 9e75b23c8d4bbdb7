import { Backoff, type Ceiling, exponential } from './backoff.js';
import type { Closed, Lost } from './close-reasons.js';
import { FeedConnection, type FeedListener, type JobSummary } from './feed-connection.js';
import type { Trouble } from './info.js';
import { HEARTBEAT_S } from './liveness.js';
import { type Platform, platformFrom } from './platform.js';
import { DIVERGED, FIRST_FRAME_MS, Reconnector } from './reconnector.js';
import { UPGRADE_TIMES, type UpgradeTimes } from './upgrade-times.js';
import { WebSocketHealth } from './websocket-health.js';

/** What the follower of the feed is doing. */
export const FeedState = {
  /** Not started, or stopped. */
  idle: 'idle',
  /** Connecting, or getting the jobs that have changed. */
  connecting: 'connecting',
  /** Everything has come; changes come as they happen. */
  live: 'live',
  /** It was live, but heartbeats are overdue: jobs may have changed. */
  quiet: 'quiet',
  /** Cut off: waiting until `nextTryAt`, or trying. */
  reconnecting: 'reconnecting',
  /** No WebSocket gets through: poll the list instead. A WebSocket is tried again now and then. */
  blocked: 'blocked',
  /** Cut off, and the machine reports no network. */
  offline: 'offline',
  /** Given up: `error.code` says why. */
  failed: 'failed',
} as const;

/** One of the constants of the same name. */
export type FeedState = (typeof FeedState)[keyof typeof FeedState];

/** The last finished resume: when (ms since the epoch), and how many jobs had changed. */
export interface FeedResumed {
  readonly at: number;
  readonly jobs: number;
}

/** The connection to the feed. A snapshot: it never changes. */
export interface FeedInfo {
  readonly state: FeedState;
  /** The position in the feed that it resumes from. */
  readonly position: number;
  /** When the next try is due, ms since the epoch; null unless waiting for one. */
  readonly nextTryAt: number | null;
  readonly resumed: FeedResumed | null;
  /** The last error; it stays after recovery. */
  readonly error: Trouble | null;
}

/** The options of `Feed`. */
export interface FeedOptions {
  /** Summaries of changed jobs, in the feed's order. */
  readonly onJobs: (jobs: readonly JobSummary[]) => void;
  readonly onState: (info: FeedInfo) => void;
  /** A heartbeat came; `at` is the server's time, if it sent one. */
  readonly onHeartbeat?: (at: string | undefined) => void;
  /** The known list is no longer valid: read it again, and `start` at its position. */
  readonly onStale: () => void;
  readonly firstFrameMs?: number;
  readonly backoff?: Ceiling;
  readonly upgrade?: UpgradeTimes;
  readonly platform?: Partial<Platform>;
}

/** Follows the feed of all jobs from a position, through every cut, over a WebSocket only. */
export class Feed extends Reconnector<FeedConnection> implements FeedListener {
  readonly #health: WebSocketHealth;
  #state: FeedState = FeedState.idle;
  #position = 0;
  #nextTryAt: number | null = null;
  #resumed: FeedResumed | null = null;
  #error: Trouble | null = null;
  /** The jobs that changed since the connection was lost; null while it is not. */
  #changed: Set<string> | null = null;

  constructor(private readonly options: FeedOptions) {
    const platform = platformFrom(options.platform);
    super(platform, new Backoff(options.backoff ?? exponential(), platform.random));
    this.#health = new WebSocketHealth(options.upgrade ?? UPGRADE_TIMES);
  }

  /** The connection as it is now. */
  get info(): FeedInfo {
    return {
      state: this.#state,
      position: this.#position,
      nextTryAt: this.#nextTryAt,
      resumed: this.#resumed,
      error: this.#error,
    };
  }

  /** Follow what comes after `position`. */
  start(position: number): void {
    this.stop();
    this.#position = position;
    this.#state = FeedState.connecting;
    this.run();
  }

  override stop(): void {
    super.stop();
    this.#state = FeedState.idle;
  }

  /** Try again now instead of waiting; after a failure, start again. */
  tryNow(): void {
    if (this.#state === FeedState.failed) this.start(this.#position);
    else if (this.waiting) {
      this.backoff.reset();
      this.open();
    }
  }

  onJobs(jobs: readonly JobSummary[]): void {
    this.#health.worked();
    for (const { job, position } of jobs) {
      this.#changed?.add(job);
      this.#position = Math.max(this.#position, position);
    }
    this.options.onJobs(jobs);
  }

  onPosition(position: number, isCaughtUp: boolean): void {
    this.#position = Math.max(this.#position, position);
    if (!isCaughtUp) return;
    this.#health.caughtUp();
    // After WebSockets were blocked, one must first prove that nothing is held back.
    if (this.#state !== FeedState.blocked) this.#becomeLive();
  }

  onProved(): void {
    this.#health.proved();
    if (this.#state === FeedState.blocked) this.#becomeLive();
  }

  onQuiet(isQuiet: boolean): void {
    const { live, quiet } = FeedState;
    if (this.#state === (isQuiet ? live : quiet)) this.#setState(isQuiet ? quiet : live);
  }

  onHeartbeat(at: string | undefined): void {
    this.options.onHeartbeat?.(at);
  }

  onClosed(closed: Closed): void {
    if (closed.how === 'lost') {
      this.#handleLoss(closed);
      return;
    }
    this.stop();
    if (closed.how !== 'refused') return;
    this.#noteError(closed);
    if (DIVERGED.includes(closed.code)) this.options.onStale();
    else this.#setState(FeedState.failed);
  }

  protected open(): void {
    this.drop();
    const { WebSocket, clock, base } = this.platform;
    if (WebSocket === undefined) {
      this.#setState(FeedState.blocked);
      return;
    }
    const query = `after=${this.#position}&heartbeat_s=${HEARTBEAT_S}`;
    const url = new URL(`/ws/feed/?${query}`, base);
    url.protocol = url.protocol.replace('http', 'ws');
    const firstFrameMs = this.options.firstFrameMs ?? FIRST_FRAME_MS;
    this.connection = new FeedConnection(url.href, WebSocket, clock, this, firstFrameMs);
    this.#setState(this.#state);
  }

  protected override drop(): void {
    super.drop();
    this.#nextTryAt = null;
  }

  protected reportWait(why: Lost, waitMs: number): void {
    this.#noteError(why);
    if (this.#health.hasWorked) this.#changed ??= new Set();
    this.#nextTryAt = this.platform.clock.now() + waitMs;
    this.#setState(this.#stateAfter(why));
  }

  #handleLoss(why: Lost): void {
    if (this.connection) this.blame(this.connection, why, this.#health);
    const { isBlocked } = this.#health;
    const pause = isBlocked ? this.#health.pause(this.platform.random()) : this.backoff.next();
    this.wait(why, pause);
  }

  #stateAfter({ code }: Lost): FeedState {
    if (code === 'stale') return FeedState.reconnecting;
    if (code === 'offline' || !this.platform.signals.online()) return FeedState.offline;
    if (this.#health.isBlocked) return FeedState.blocked;
    return this.#health.hasWorked ? FeedState.reconnecting : FeedState.connecting;
  }

  #becomeLive(): void {
    if (this.#changed) {
      this.#resumed = { at: this.platform.clock.now(), jobs: this.#changed.size };
      this.#changed = null;
    }
    this.#setState(FeedState.live);
  }

  #noteError({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#error = { code, message, at: this.platform.clock.now() };
  }

  #setState(state: FeedState): void {
    this.#state = state;
    this.options.onState(this.info);
  }
}
