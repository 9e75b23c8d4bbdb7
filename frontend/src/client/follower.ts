import { Backoff, exponential } from './backoff.js';
import { START } from './cursor.js';
import type { FollowerEventMap, FollowerInfo } from './info.js';
import { JobAddress } from './job-address.js';
import { Ladder } from './ladder.js';
import { createTransports, type FollowOptions } from './options.js';
import { platformFrom } from './platform.js';
import { type Emit, Progress } from './progress.js';
import { TransportManager } from './transport-manager.js';

/**
 * Follows one job from a cursor until it ends: every event exactly once and in order, through every
 * cut, over any transport that works.
 */
export class Follower extends EventTarget {
  readonly #transports: TransportManager;

  /**
   * @param job the job's id, or an address of it
   * @throws TypeError if that names no job, or no transport can be used
   * @throws BadCursor if `options.after` is not a cursor
   */
  constructor(job: string, options: FollowOptions = {}) {
    super();
    const platform = platformFrom(options.platform);
    const address = new JobAddress(job, platform.base, options.ticket);
    const transports = createTransports(job, address, platform, options);
    const ladder = new Ladder(transports, platform.memory);
    const backoff = new Backoff(options.backoff ?? exponential(), platform.random);
    const after = String(options.after ?? START);
    const emit: Emit = (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail }));
    const progress = new Progress(address.job, after, platform, emit);
    this.#transports = new TransportManager(progress, platform, ladder, backoff, options);
    this.#subscribe(options);
  }

  /** The connection as it is now. */
  get info(): FollowerInfo {
    return this.#transports.progress.info;
  }

  /** Begin, or continue after `stop` or a failure, after the last event given out. */
  start(): void {
    this.#transports.start();
  }

  /** Close the connection; `start` continues from here. */
  stop(): void {
    this.#transports.stop();
    this.#transports.progress.report({ state: 'idle' });
  }

  /** Forget everything, emit `reset`, and follow from seq 1. */
  restart(): void {
    this.#transports.restart();
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
  if (options.start !== false) follower.start();
  return follower;
}
