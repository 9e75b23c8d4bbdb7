import { Addresses } from './addresses';
import { Backoff, exponential } from './backoff';
import type { Closed, Lost } from './close-reasons';
import type { Faults } from './connection';
import { cursorOf, START, seqOf } from './cursor';
import { Ladder } from './fallback';
import { type FollowerInfo, FollowerState, type Resumed, type Trouble } from './info';
import { Keeper, type KeeperListener } from './keeper';
import { type FollowOptions, rungs } from './options';
import { type Platform, platformFrom } from './platform';
import type { TransportName } from './transports/transport';
import type { EndFrame, JobEvent, JobStatus, PlaceFrame } from './types';

const FIRST_FRAME_MS = 4000;
/** Codes after which the history may be told from its start. */
const DIVERGED: ReadonlySet<string> = new Set(['cursor_ahead', 'history_diverged']);

/** A follower's DOM events, by name. */
export interface FollowerEventMap {
  /** New events, each exactly once, in order. */
  events: CustomEvent<{ readonly events: readonly JobEvent[]; readonly info: FollowerInfo }>;
  /** Something about the connection changed. */
  state: CustomEvent<FollowerInfo>;
  /** A heartbeat: all is as it was; `at` is what the server's clock says, where it does. */
  heartbeat: CustomEvent<{ readonly at: string | undefined }>;
  /** What was given out before does not hold any more; all comes again from seq 1. */
  reset: CustomEvent<FollowerInfo>;
}

/**
 * Follows one job from a cursor: every event exactly once and in order, over whatever transport works,
 * through every cut, until the job's end.
 */
export class Follower extends EventTarget {
  readonly #job: string;
  readonly #platform: Platform;
  readonly #restarts: boolean;
  readonly #faults: Faults = { duplicates: 0, gaps: 0 };
  readonly #backoff: Backoff;
  readonly #keeper: Keeper;
  #state: FollowerState = FollowerState.idle;
  #transport: TransportName | null = null;
  #cursor: string;
  #seq: number;
  #head: number;
  /** Seq of the last event before the cut that is not healed yet; null where there is none. */
  #cutAt: number | null = null;
  #nextTryAt: number | null = null;
  #resumed: Resumed | null = null;
  #error: Trouble | null = null;
  #status: JobStatus | null = null;

  /**
   * @param job the job's id, or an address of it
   * @throws TypeError where that names no job, or no transport can be used
   * @throws BadCursor where `options.after` is no cursor
   */
  constructor(job: string, options: FollowOptions = {}) {
    super();
    const platform = platformFrom(options.platform);
    const addresses = new Addresses(job, platform.base, options.ticket);
    const ladder = new Ladder(
      rungs(addresses, platform, options),
      platform.memory,
      options.upgrade,
    );
    this.#job = addresses.job;
    this.#platform = platform;
    this.#restarts = options.restart ?? false;
    this.#backoff = new Backoff(options.backoff ?? exponential(), platform.random);
    const patience = options.firstFrameMs ?? FIRST_FRAME_MS;
    const listener = this.#listener();
    this.#keeper = new Keeper(listener, platform, ladder, this.#backoff, this.#faults, patience);
    this.#cursor = String(options.after ?? START);
    this.#seq = seqOf(this.#cursor);
    this.#head = this.#seq;
    this.#subscribe(options);
  }

  /** The connection as it is now. */
  get info(): FollowerInfo {
    return {
      job: this.#job,
      state: this.#state,
      transport: this.#transport,
      seq: this.#seq,
      cursor: this.#cursor,
      head: this.#head,
      resumed: this.#resumed,
      attempts: this.#state === FollowerState.live ? 0 : this.#backoff.tries,
      nextTryAt: this.#nextTryAt,
      error: this.#error,
      status: this.#status,
      ...this.#faults,
    };
  }

  /** Begin, or go on after `stop` or a failure, with what comes after the last event given out. */
  start(): void {
    this.#cutAt = this.#seq > 0 ? this.#seq : null;
    this.#status = null;
    this.#transport = null;
    this.#to(FollowerState.connecting);
    this.#keeper.start();
  }

  /** Close the connection; `start` goes on from here. */
  stop(): void {
    this.#keeper.stop();
    this.#to(FollowerState.idle);
  }

  /** Forget everything, tell so by `reset`, and follow again from seq 1. */
  restart(): void {
    this.#keeper.stop();
    this.#cursor = START;
    this.#seq = 0;
    this.#head = 0;
    this.#resumed = null;
    this.#dispatch('reset', this.info);
    this.start();
  }

  /** Do not wait any longer for the next try. */
  tryNow(): void {
    this.#keeper.tryNow();
  }

  /** Listen to one of the events; call the result to stop. */
  on<K extends keyof FollowerEventMap>(
    type: K,
    listener: (event: FollowerEventMap[K]) => void,
  ): () => void {
    const listen = listener as (event: Event) => void;
    this.addEventListener(type, listen);
    return () => this.removeEventListener(type, listen);
  }

  #subscribe({ onEvents, onState, onHeartbeat, onReset }: FollowOptions): void {
    if (onEvents) this.on('events', ({ detail }) => onEvents(detail.events, detail.info));
    if (onState) this.on('state', ({ detail }) => onState(detail));
    if (onHeartbeat) this.on('heartbeat', ({ detail }) => onHeartbeat(detail.at));
    if (onReset) this.on('reset', ({ detail }) => onReset(detail));
  }

  #listener(): KeeperListener {
    return {
      cursor: () => this.#cursor,
      isLive: () => this.#state === FollowerState.live,
      trying: () => this.#trying(),
      up: (transport, head) => this.#up(transport, head),
      events: (events) => this.#take(events),
      place: (frame) => this.#place(frame),
      head: (head, at) => {
        this.#moveHead(head);
        this.#dispatch('heartbeat', { at });
      },
      quiet: (isQuiet) => this.#hush(isQuiet),
      down: (why, waitMs) => this.#down(why, waitMs),
      over: (why) => this.#over(why),
    };
  }

  #trying(): void {
    if (this.#nextTryAt !== null) this.#to(this.#state);
  }

  #up(transport: TransportName, head: number): void {
    this.#transport = transport;
    this.#head = Math.max(head, this.#seq);
    // A rotation or a move to a better transport is no news: nothing was cut.
    const quiet = this.#state === FollowerState.live;
    this.#to(quiet ? this.#state : FollowerState.catchingUp);
  }

  #take(events: readonly JobEvent[]): void {
    // An upgraded connection began where the old one was when it was opened, not where it is now.
    const fresh = events.filter((event) => event.seq > this.#seq);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#seq = last.seq;
    this.#cursor = cursorOf(last);
    this.#head = Math.max(this.#head, this.#seq);
    this.#dispatch('events', { events: fresh, info: this.info });
  }

  #place(frame: PlaceFrame): void {
    this.#head = Math.max(this.#head, frame.head);
    if (frame.kind === 'fell_behind') {
      this.#to(FollowerState.catchingUp);
      return;
    }
    this.#healed();
    this.#to(FollowerState.live);
  }

  #healed(): void {
    if (this.#cutAt === null) return;
    const at = this.#platform.clock.now();
    this.#resumed = { from: this.#cutAt, caughtUp: this.#seq - this.#cutAt, at };
    this.#cutAt = null;
  }

  #moveHead(head: number): void {
    if (head <= this.#head) return;
    this.#head = head;
    this.#to(this.#state);
  }

  #hush(isQuiet: boolean): void {
    const { live, quiet } = FollowerState;
    if (this.#state === (isQuiet ? live : quiet)) this.#to(isQuiet ? quiet : live);
  }

  #down(why: Lost, waitMs: number): void {
    const now = this.#platform.clock.now();
    this.#error = { code: why.code, message: why.message, at: now };
    if (this.#seq > 0) this.#cutAt ??= this.#seq;
    const { connecting, reconnecting, offline } = FollowerState;
    const away = this.#transport === null ? connecting : reconnecting;
    this.#to(this.#platform.signals.online() ? away : offline, now + waitMs);
  }

  #over(why: EndFrame | Exclude<Closed, Lost>): void {
    if ('kind' in why || why.how !== 'refused') {
      this.#healed();
      this.#status = 'kind' in why ? why.status : null;
      this.#to(FollowerState.ended);
      return;
    }
    const { code, message } = why;
    this.#error = { code, message, at: this.#platform.clock.now() };
    if (this.#restarts && this.#seq > 0 && DIVERGED.has(code)) this.restart();
    else this.#to(FollowerState.failed);
  }

  #to(state: FollowerState, nextTryAt: number | null = null): void {
    this.#state = state;
    this.#nextTryAt = nextTryAt;
    this.#dispatch('state', this.info);
  }

  #dispatch<K extends keyof FollowerEventMap>(
    type: K,
    detail: FollowerEventMap[K]['detail'],
  ): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Follow a job: `follow(id, { onEvents, onState })`.
 *
 * @param job the job's id, or an address of it
 * @throws TypeError where that names no job, or no transport can be used
 * @throws BadCursor where `options.after` is no cursor
 */
export function follow(job: string, options: FollowOptions = {}): Follower {
  const follower = new Follower(job, options);
  if (options.start ?? true) follower.start();
  return follower;
}
