import type { Memory } from './platform.js';
import type { Transport } from './transports/transport.js';

/** A transport is left after this many connections that end before catching up; silence counts twice. */
const MISSES = 2;
/** The same for one that has delivered events: the server is more likely down than the path blocked. */
const MISSES_OF_KNOWN = 4;
/** Connections that deliver everything and then not even a heartbeat; the same after a better one. */
const HELD = 1;
const HELD_OF_PROVED = 2;

/** How long to use a lower transport before the better ones are tried again, in ms. */
export interface UpgradeTimes {
  /** If a better one has worked before: probably it was an outage, not a firewall. */
  readonly known: number;
  /** If none of the better ones has worked. */
  readonly unknown: number;
  /** The upper bound; the wait doubles up to it. */
  readonly most: number;
}

/** The default: 10 s, a minute, ten minutes. */
export const UPGRADE_TIMES: UpgradeTimes = { known: 10_000, unknown: 60_000, most: 600_000 };

/**
 * Chooses the best transport over which everything comes. After the last rung it begins at the first
 * again, since a server that is down fails on all of them. It remembers what works.
 */
export class Ladder {
  #index: number;
  #misses = 0;
  #held = 0;
  #rounds = 0;
  #refused = 0;
  /** Transports that have delivered events, and those proved not to hold anything back. */
  readonly #worked = new Set<Transport>();
  readonly #proved = new Set<Transport>();

  /** @throws TypeError for no rungs */
  constructor(
    private readonly rungs: readonly Transport[],
    private readonly memory: Memory,
    private readonly times: UpgradeTimes = UPGRADE_TIMES,
  ) {
    if (rungs.length === 0) throw new TypeError('There is no transport to follow over.');
    const remembered = rungs.findIndex((rung) => rung.name === memory.get());
    this.#index = Math.max(0, remembered);
  }

  /** The transport to use now. */
  get current(): Transport {
    const rung = this.rungs[this.#index];
    if (rung === undefined) throw new RangeError(`There is no rung ${this.#index}.`);
    return rung;
  }

  /** The better transports, best first. */
  get better(): readonly Transport[] {
    return this.rungs.slice(0, this.#index);
  }

  /** How many times all of them have failed in a row: a slow line gets more time in each round. */
  get rounds(): number {
    return this.#rounds;
  }

  /** In how many ms to try a better transport. */
  get upgradeAfter(): number {
    const { known, unknown, most } = this.times;
    const first = this.better.some((rung) => this.#worked.has(rung)) ? known : unknown;
    return Math.min(most, first * 2 ** Math.min(this.#refused, 20));
  }

  /**
   * Count a connection that ended before catching up, and not because the server said so.
   *
   * @param silent whether it timed out, or cannot carry a message, instead of failing
   * @returns whether the current transport has changed
   */
  missed(silent: boolean): boolean {
    this.#misses += silent ? 2 : 1;
    const known = this.#worked.has(this.current);
    return this.#misses >= (known ? MISSES_OF_KNOWN : MISSES) && this.#nextRung();
  }

  /**
   * Count a connection that delivered everything and then nothing, not even a heartbeat.
   *
   * @returns whether the current transport has changed
   */
  heldBack(): boolean {
    const rung = this.current;
    this.#held += 1;
    if (this.#held < (this.#proved.has(rung) ? HELD_OF_PROVED : HELD)) return false;
    this.#worked.delete(rung);
    this.#proved.delete(rung);
    return this.#nextRung();
  }

  /** Note that the current transport has delivered events. */
  worked(): void {
    this.#rounds = 0;
    this.#worked.add(this.current);
  }

  /** Note that everything has come over the current transport. */
  caughtUp(): void {
    this.#misses = 0;
    this.worked();
    this.memory.set(this.current.name);
  }

  /** Make a transport the current one: nothing is held back on it. */
  proved(rung: Transport): void {
    const index = this.rungs.indexOf(rung);
    if (index < this.#index) this.#refused = 0;
    this.#index = index;
    this.#held = 0;
    this.#proved.add(rung);
    this.caughtUp();
  }

  /** Begin with the best transport that has worked: the network may have changed. */
  startOver(): void {
    const known = this.rungs.findIndex((rung) => this.#worked.has(rung));
    if (known < 0) return;
    this.#index = known;
    this.#misses = 0;
    this.#held = 0;
  }

  /** Note that none of the better transports works. */
  upgradeRefused(): void {
    this.#refused += 1;
  }

  #nextRung(): boolean {
    this.#misses = 0;
    this.#held = 0;
    this.#index += 1;
    if (this.#index === this.rungs.length) {
      this.#index = 0;
      this.#rounds += 1;
    }
    return this.rungs.length > 1;
  }
}

/** Records whether WebSockets to the feed get through, and when to try one again. */
export class WebSocketHealth {
  #misses = 0;
  #held = 0;
  #refused = 0;
  #worked = false;
  #proved = false;

  constructor(private readonly times: UpgradeTimes) {}

  /** Whether one has delivered something. */
  get hasWorked(): boolean {
    return this.#worked;
  }

  /** Whether none gets through. */
  get isBlocked(): boolean {
    return this.#misses >= (this.#worked ? MISSES_OF_KNOWN : MISSES);
  }

  /** As `Ladder.missed`. */
  missed(silent: boolean): boolean {
    this.#misses += silent ? 2 : 1;
    return this.isBlocked;
  }

  /** As `Ladder.heldBack`. */
  heldBack(): boolean {
    this.#held += 1;
    if (this.#held >= (this.#proved ? HELD_OF_PROVED : HELD)) {
      this.#worked = false;
      this.#proved = false;
      this.#misses = MISSES;
    }
    return this.isBlocked;
  }

  /** Note that one has delivered something. */
  worked(): void {
    this.#worked = true;
  }

  /** Note that one has caught up. */
  caughtUp(): void {
    this.#worked = true;
    this.#misses = 0;
  }

  /** Note that nothing is held back on one. */
  proved(): void {
    this.#proved = true;
    this.#held = 0;
    this.#refused = 0;
  }

  /** How long to do without, in ms: longer each time, with jitter by `random` (0 to 1). */
  pause(random: number): number {
    const { known, unknown, most } = this.times;
    const longest = Math.min(most, (this.#worked ? known : unknown) * 2 ** this.#refused);
    this.#refused = Math.min(this.#refused + 1, 20);
    return Math.round(longest * (0.5 + random / 2));
  }
}
