import { Backoff, type Ceiling, exponential } from './backoff';
import { type Closed, type Lost, lost } from './close-reasons';
import { UPGRADE_TIMES, type UpgradeTimes } from './fallback';
import { FeedSocket, type FeedSocketListener, type JobSummary } from './feed-socket';
import { FeedTrust } from './feed-trust';
import type { Trouble } from './info';
import { type Cancel, type Platform, platformFrom } from './platform';
import { HEARTBEAT_S } from './silence';

const FIRST_FRAME_MS = 4000;
/** A connection that lived this long, or brought something, was worth having. */
const WORTHWHILE_MS = 5000;
/** Codes of a WebSocket that lets the time pass, or cannot carry what it should. */
const SILENT: ReadonlySet<string> = new Set(['no_first_frame', 'held', 'message_too_big']);
/** Codes after which what was known before does not hold. */
const DIVERGED: ReadonlySet<string> = new Set(['cursor_ahead', 'history_diverged']);

/** What the follower of the feed is doing. */
export const FeedState = {
  /** Not started, or stopped. */
  idle: 'idle',
  /** On its way, or getting what has moved. */
  connecting: 'connecting',
  /** All that has moved has come; more comes as it happens. */
  live: 'live',
  /** It was live, but heartbeats are overdue: more may have moved. */
  quiet: 'quiet',
  /** Cut off: waiting for the next try (`nextTryAt`) or in the middle of it. */
  reconnecting: 'reconnecting',
  /** No WebSocket gets through: ask by other means meanwhile. It is tried again now and then. */
  blocked: 'blocked',
  /** Cut off, and the machine itself has no network. */
  offline: 'offline',
  /** Given up: `error.code` says why. */
  failed: 'failed',
} as const;

/** One of the constants of the same name. */
export type FeedState = (typeof FeedState)[keyof typeof FeedState];

/** What coming back brought: when it was done (ms since the epoch), and how many jobs had moved. */
export interface FeedResumed {
  readonly at: number;
  readonly jobs: number;
}

/** What a page may want to say about the connection. A snapshot: it never changes. */
export interface FeedInfo {
  readonly state: FeedState;
  /** How far in the feed it is; where it comes back to. */
  readonly position: number;
  /** When the next try is due, ms since the epoch; null unless waiting for one. */
  readonly nextTryAt: number | null;
  readonly resumed: FeedResumed | null;
  /** The last trouble; it stays after recovery. */
  readonly error: Trouble | null;
}

/** Whom to tell, and how to go about it. */
export interface FeedOptions {
  /** Jobs that have moved, in the feed's order. */
  readonly onJobs: (jobs: readonly JobSummary[]) => void;
  readonly onState: (info: FeedInfo) => void;
  /** A heartbeat came; `at` is what the server's clock says, where it does. */
  readonly onHeartbeat?: (at: string | undefined) => void;
  /** What was known before does not hold: read the list anew, and `start` at its position. */
  readonly onStale: () => void;
  readonly firstFrameMs?: number;
  readonly backoff?: Ceiling;
  readonly upgrade?: UpgradeTimes;
  readonly platform?: Partial<Platform>;
}

/** Follows the feed of all jobs from a position, through every cut; over a WebSocket alone. */
export class Feed implements FeedSocketListener {
  readonly #platform: Platform;
  readonly #backoff: Backoff;
  readonly #trust: FeedTrust;
  #socket: FeedSocket | null = null;
  #waiting: Cancel | null = null;
  #unwatch: Cancel = () => undefined;
  #state: FeedState = FeedState.idle;
  #position = 0;
  #nextTryAt: number | null = null;
  #notBefore = 0;
  #resumed: FeedResumed | null = null;
  #error: Trouble | null = null;
  /** The jobs that came since the cut that is not healed yet; null where there is none. */
  #moved: Set<string> | null = null;

  constructor(private readonly options: FeedOptions) {
    this.#platform = platformFrom(options.platform);
    this.#backoff = new Backoff(options.backoff ?? exponential(), this.#platform.random);
    this.#trust = new FeedTrust(options.upgrade ?? UPGRADE_TIMES);
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
    this.#backoff.reset();
    this.#unwatch = this.#platform.signals.watch(
      () => this.#wake(),
      () => this.#offline(),
    );
    this.#state = FeedState.connecting;
    this.#open();
  }

  /** Let go of everything. */
  stop(): void {
    this.#unwatch();
    this.#unwatch = () => undefined;
    this.#drop();
    this.#state = FeedState.idle;
  }

  /** Do not wait any longer for the next try; after a failure, begin again. */
  tryNow(): void {
    if (this.#state === FeedState.failed) this.start(this.#position);
    else if (this.#waiting !== null) {
      this.#backoff.reset();
      this.#open();
    }
  }

  jobs(jobs: readonly JobSummary[]): void {
    this.#trust.worked();
    for (const { job, position } of jobs) {
      this.#moved?.add(job);
      this.#position = Math.max(this.#position, position);
    }
    this.options.onJobs(jobs);
  }

  reached(position: number, caughtUp: boolean): void {
    this.#position = Math.max(this.#position, position);
    if (!caughtUp) return;
    this.#trust.caughtUp();
    // Where WebSockets were blocked, one has to show first that it holds nothing back.
    if (this.#state !== FeedState.blocked) this.#live();
  }

  proved(): void {
    this.#trust.proved();
    if (this.#state === FeedState.blocked) this.#live();
  }

  quiet(isQuiet: boolean): void {
    const { live, quiet } = FeedState;
    if (this.#state === (isQuiet ? live : quiet)) this.#to(isQuiet ? quiet : live);
  }

  heartbeat(at: string | undefined): void {
    this.options.onHeartbeat?.(at);
  }

  closed(why: Closed): void {
    if (why.how === 'lost') {
      this.#lost(why);
      return;
    }
    this.stop();
    if (why.how !== 'refused') return;
    this.#note(why);
    if (DIVERGED.has(why.code)) this.options.onStale();
    else this.#to(FeedState.failed);
  }

  #open(): void {
    this.#drop();
    const { WebSocket, clock, base } = this.#platform;
    if (WebSocket === undefined) {
      this.#to(FeedState.blocked);
      return;
    }
    const query = `after=${this.#position}&heartbeat_s=${HEARTBEAT_S}`;
    const url = new URL(`/ws/feed/?${query}`, base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const patience = this.options.firstFrameMs ?? FIRST_FRAME_MS;
    this.#socket = new FeedSocket(url.href, WebSocket, clock, this, patience);
    this.#to(this.#state);
  }

  #drop(): void {
    this.#waiting?.();
    this.#waiting = null;
    this.#nextTryAt = null;
    this.#socket?.close();
    this.#socket = null;
  }

  #lost(why: Lost): void {
    const socket = this.#socket;
    const greeted = socket?.greeted ?? false;
    const online = this.#platform.signals.online();
    if (socket?.brought || (greeted && (socket?.age ?? 0) >= WORTHWHILE_MS)) this.#backoff.reset();
    if (online) this.#judge(why);
    const blocked = this.#trust.isBlocked;
    const ms = blocked ? this.#trust.pause(this.#platform.random()) : this.#backoff.next();
    this.#wait(why, why.retryAfterMs + ms, this.#away(online, blocked));
  }

  /** Hold it against WebSockets, where it is theirs: without a network every try fails. */
  #judge(why: Lost): void {
    const socket = this.#socket;
    const silent = SILENT.has(why.code);
    if (why.fromServer) return;
    if (socket?.isCaughtUp) {
      if (why.code === 'held') this.#trust.heldBack();
    } else if (silent || !socket?.broughtForLong) {
      this.#trust.missed(silent);
    }
  }

  #live(): void {
    if (this.#moved) {
      this.#resumed = { at: this.#platform.clock.now(), jobs: this.#moved.size };
      this.#moved = null;
    }
    this.#to(FeedState.live);
  }

  #away(online: boolean, blocked: boolean): FeedState {
    if (!online) return FeedState.offline;
    if (blocked) return FeedState.blocked;
    return this.#trust.hasWorked ? FeedState.reconnecting : FeedState.connecting;
  }

  #wait(why: Lost, ms: number, state: FeedState): void {
    const { clock } = this.#platform;
    this.#drop();
    this.#note(why);
    if (this.#trust.hasWorked) this.#moved ??= new Set();
    this.#notBefore = clock.now() + why.retryAfterMs;
    this.#nextTryAt = clock.now() + ms;
    this.#waiting = clock.after(ms, () => this.#open());
    this.#to(state);
  }

  /** The network is back, or somebody is looking again. */
  #wake(): void {
    const { clock } = this.#platform;
    if (this.#waiting !== null) {
      if (clock.now() >= this.#notBefore) this.tryNow();
    } else if (this.#socket?.stale) {
      this.#wait(lost('stale', 'Nothing had come for a while.'), 0, FeedState.reconnecting);
    }
  }

  #offline(): void {
    if (this.#socket === null) return;
    const why = lost('offline', 'This machine has no network.');
    this.#wait(why, this.#backoff.next(), FeedState.offline);
  }

  #note({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#error = { code, message, at: this.#platform.clock.now() };
  }

  #to(state: FeedState): void {
    this.#state = state;
    this.options.onState(this.info);
  }
}
