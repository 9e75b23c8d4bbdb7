import { Addresses } from './addresses.js';
import { Backoff, exponential } from './backoff.js';
import type { Closed, Lost } from './close-reasons.js';
import { cursorOf, START, seqOf } from './cursor.js';
import { Ladder } from './fallback.js';
import { type FollowerInfo, FollowerState, type Resumed, type Trouble } from './info.js';
import type { Faults } from './job-connection.js';
import { createTransports, type FollowOptions } from './options.js';
import { type Platform, platformFrom } from './platform.js';
import { DIVERGED, FIRST_FRAME_MS } from './reconnector.js';
import { type TransportListener, TransportManager } from './transport-manager.js';
import type { TransportName } from './transports/transport.js';
import type { EndFrame, JobEvent, JobStatus, PlaceFrame } from './types.js';

/** A follower's DOM events, by name. */
export interface FollowerEventMap {
  /** New events, each exactly once, in order. */
  events: CustomEvent<{ readonly events: readonly JobEvent[]; readonly info: FollowerInfo }>;
  /** The connection changed. */
  state: CustomEvent<FollowerInfo>;
  /** A heartbeat: nothing new; `at` is the server's time, if it sent one. */
  heartbeat: CustomEvent<{ readonly at: string | undefined }>;
  /** The events given out are no longer valid; all come again from seq 1. */
  reset: CustomEvent<FollowerInfo>;
}

/**
 * Follows one job from a cursor until it ends: every event exactly once and in order, through every
 * cut, over any transport that works.
 */
export class Follower extends EventTarget {
  readonly #job: string;
  readonly #platform: Platform;
  readonly #restarts: boolean;
  readonly #faults: Faults = { duplicates: 0, gaps: 0 };
  readonly #backoff: Backoff;
  readonly #transports: TransportManager;
  #state: FollowerState = FollowerState.idle;
  #transport: TransportName | null = null;
  #cursor: string;
  #seq: number;
  #head: number;
  /** Seq of the last event before the connection was lost; null once everything has come again. */
  #cutAt: number | null = null;
  #nextTryAt: number | null = null;
  #resumed: Resumed | null = null;
  #error: Trouble | null = null;
  #status: JobStatus | null = null;

  /**
   * @param job the job's id, or an address of it
   * @throws TypeError if that names no job, or no transport can be used
   * @throws BadCursor if `options.after` is not a cursor
   */
  constructor(job: string, options: FollowOptions = {}) {
    super();
    const platform = platformFrom(options.platform);
    const addresses = new Addresses(job, platform.base, options.ticket);
    const ladder = new Ladder(
      createTransports(addresses, platform, options),
      platform.memory,
      options.upgrade,
    );
    this.#job = addresses.job;
    this.#platform = platform;
    this.#restarts = options.restart ?? false;
    this.#backoff = new Backoff(options.backoff ?? exponential(), platform.random);
    this.#transports = new TransportManager(
      this.#createListener(),
      platform,
      ladder,
      this.#backoff,
      this.#faults,
      options.firstFrameMs ?? FIRST_FRAME_MS,
    );
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

  /** Begin, or continue after `stop` or a failure, after the last event given out. */
  start(): void {
    this.#cutAt = this.#seq > 0 ? this.#seq : null;
    this.#status = null;
    this.#transport = null;
    this.#setState(FollowerState.connecting);
    this.#transports.start();
  }

  /** Close the connection; `start` continues from here. */
  stop(): void {
    this.#transports.stop();
    this.#setState(FollowerState.idle);
  }

  /** Forget everything, emit `reset`, and follow from seq 1. */
  restart(): void {
    this.#transports.stop();
    this.#cursor = START;
    this.#seq = 0;
    this.#head = 0;
    this.#resumed = null;
    this.#dispatch('reset', this.info);
    this.start();
  }

  /** Try again now instead of waiting. */
  tryNow(): void {
    this.#transports.tryNow();
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

  #createListener(): TransportListener {
    return {
      cursor: () => this.#cursor,
      isLive: () => this.#state === FollowerState.live,
      onConnecting: () => this.#handleConnecting(),
      onConnected: (transport, head) => this.#handleConnected(transport, head),
      onEvents: (events) => this.#handleEvents(events),
      onPlace: (frame) => this.#handlePlace(frame),
      onHeartbeat: (head, at) => {
        this.#raiseHead(head);
        this.#dispatch('heartbeat', { at });
      },
      onQuiet: (isQuiet) => this.#handleQuiet(isQuiet),
      onLost: (why, waitMs) => this.#handleLoss(why, waitMs),
      onOver: (why) => this.#handleEnd(why),
    };
  }

  #handleConnecting(): void {
    if (this.#nextTryAt !== null) this.#setState(this.#state);
  }

  #handleConnected(transport: TransportName, head: number): void {
    this.#transport = transport;
    this.#head = Math.max(head, this.#seq);
    // A rotation or an upgrade is not reported: nothing was cut.
    const quiet = this.#state === FollowerState.live;
    this.#setState(quiet ? this.#state : FollowerState.catchingUp);
  }

  #handleEvents(events: readonly JobEvent[]): void {
    // An upgraded connection begins where the old one was when it was opened, so some events come twice.
    const fresh = events.filter((event) => event.seq > this.#seq);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#seq = last.seq;
    this.#cursor = cursorOf(last);
    this.#head = Math.max(this.#head, this.#seq);
    this.#dispatch('events', { events: fresh, info: this.info });
  }

  #handlePlace(frame: PlaceFrame): void {
    this.#head = Math.max(this.#head, frame.head);
    if (frame.kind === 'fell_behind') {
      this.#setState(FollowerState.catchingUp);
      return;
    }
    this.#finishResume();
    this.#setState(FollowerState.live);
  }

  #finishResume(): void {
    if (this.#cutAt === null) return;
    const at = this.#platform.clock.now();
    this.#resumed = { from: this.#cutAt, caughtUp: this.#seq - this.#cutAt, at };
    this.#cutAt = null;
  }

  #raiseHead(head: number): void {
    if (head <= this.#head) return;
    this.#head = head;
    this.#setState(this.#state);
  }

  #handleQuiet(isQuiet: boolean): void {
    const { live, quiet } = FollowerState;
    if (this.#state === (isQuiet ? live : quiet)) this.#setState(isQuiet ? quiet : live);
  }

  #handleLoss(why: Lost, waitMs: number): void {
    const now = this.#platform.clock.now();
    this.#error = { code: why.code, message: why.message, at: now };
    if (this.#seq > 0) this.#cutAt ??= this.#seq;
    const { connecting, reconnecting, offline } = FollowerState;
    const away = this.#transport === null ? connecting : reconnecting;
    this.#setState(this.#platform.signals.online() ? away : offline, now + waitMs);
  }

  #handleEnd(why: EndFrame | Exclude<Closed, Lost>): void {
    if ('kind' in why || why.how !== 'refused') {
      this.#finishResume();
      this.#status = 'kind' in why ? why.status : null;
      this.#setState(FollowerState.ended);
      return;
    }
    const { code, message } = why;
    this.#error = { code, message, at: this.#platform.clock.now() };
    if (this.#restarts && this.#seq > 0 && DIVERGED.has(code)) this.restart();
    else this.#setState(FollowerState.failed);
  }

  #setState(state: FollowerState, nextTryAt: number | null = null): void {
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
 * @throws TypeError if that names no job, or no transport can be used
 * @throws BadCursor if `options.after` is not a cursor
 */
export function follow(job: string, options: FollowOptions = {}): Follower {
  const follower = new Follower(job, options);
  if (options.start ?? true) follower.start();
  return follower;
}
