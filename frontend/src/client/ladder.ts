import type { Memory } from './platform.js';
import type { Transport } from './transports/transport.js';

/** A transport is left after this many connections that end before catching up; silence counts twice. */
export const MISSES = 2;
/** The same for one that has delivered events: the server is more likely down than the path blocked. */
export const MISSES_OF_KNOWN = 4;
/** Connections that deliver everything and then not even a heartbeat; the same after a better one. */
export const HELD = 1;
export const HELD_OF_PROVED = 2;

/** A transport, and what is known of it. */
export interface Rung {
  readonly transport: Transport;
  /** Whether it has delivered events. */
  hasWorked: boolean;
  /** Whether it is proved not to hold anything back. */
  isProved: boolean;
}

/**
 * Chooses the best transport over which everything comes. After the last rung it begins at the first
 * again, since a server that is down fails on all of them. It remembers what works.
 */
export class Ladder {
  /** How many times all of them have failed in a row: a slow line gets more time in each round. */
  rounds = 0;
  readonly rungs: readonly Rung[];
  /** The place of the transport in use. */
  index: number;
  #misses = 0;
  #held = 0;

  /** @throws TypeError for no transports, which are given best first */
  constructor(
    transports: readonly Transport[],
    private readonly memory: Memory,
  ) {
    if (transports.length === 0) throw new TypeError('No usable transport.');
    this.rungs = transports.map((transport) => ({ transport, hasWorked: false, isProved: false }));
    const remembered = transports.findIndex(({ name }) => name === memory.get());
    this.index = Math.max(0, remembered);
  }

  /** The transport to use now. */
  get current(): Transport {
    return this.#rung.transport;
  }

  /**
   * Count a connection that ended before catching up, and not because the server said so.
   *
   * @param silent whether it timed out, or cannot carry a message, instead of failing
   * @returns whether the current transport has changed
   */
  missed(silent: boolean): boolean {
    this.#misses += silent ? 2 : 1;
    const most = this.#rung.hasWorked ? MISSES_OF_KNOWN : MISSES;
    return this.#misses >= most && this.#nextRung();
  }

  /**
   * Count a connection that delivered everything and then nothing, not even a heartbeat.
   *
   * @returns whether the current transport has changed
   */
  heldBack(): boolean {
    const rung = this.#rung;
    this.#held += 1;
    if (this.#held < (rung.isProved ? HELD_OF_PROVED : HELD)) return false;
    rung.hasWorked = false;
    rung.isProved = false;
    return this.#nextRung();
  }

  /** Note that the current transport has delivered events. */
  worked(): void {
    this.rounds = 0;
    this.#rung.hasWorked = true;
  }

  /** Note that everything has come over the current transport. */
  caughtUp(): void {
    this.#misses = 0;
    this.worked();
    this.memory.set(this.current.name);
  }

  /** Make a transport the current one: nothing is held back on it. */
  proved(index = this.index): void {
    this.#use(index);
    this.#rung.isProved = true;
    this.caughtUp();
  }

  /** Begin with the best transport that has worked: the network may have changed. */
  startOver(): void {
    const known = this.rungs.findIndex(({ hasWorked }) => hasWorked);
    if (known >= 0) this.#use(known);
  }

  get #rung(): Rung {
    return this.rungs[this.index] as Rung;
  }

  #nextRung(): boolean {
    this.#use((this.index + 1) % this.rungs.length);
    if (this.index === 0) this.rounds += 1;
    return this.rungs.length > 1;
  }

  #use(index: number): void {
    this.index = index;
    this.#misses = 0;
    this.#held = 0;
  }
}
