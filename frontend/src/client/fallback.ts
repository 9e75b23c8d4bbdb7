import type { Memory } from './platform';
import type { Transport } from './transports/transport';

/** Connections in a row that end before everything has come, after which a rung is left; silence counts two. */
const MISSES = 2;
/** The same for a rung that has brought something: the server is likelier to be away than the way to it. */
const MISSES_OF_KNOWN = 4;
/** Connections in a row that bring everything and then nothing; of a rung that once did better. */
const HELD = 1;
const HELD_OF_PROVED = 2;

/** How long to stay on a lower rung before the better ones are tried again, in ms. */
export interface UpgradeTimes {
  /** Where the better rung has worked before: it was an outage rather than a wall. */
  readonly known: number;
  /** Where it never has. */
  readonly unknown: number;
  /** What the wait doubles up to. */
  readonly most: number;
}

/** The default: 10 s, a minute, ten minutes. */
export const UPGRADE_TIMES: UpgradeTimes = { known: 10_000, unknown: 60_000, most: 600_000 };

/**
 * Which transport to use: the best over which everything comes. Below the last rung comes the first again,
 * since a server that is away fails them all; what works is remembered.
 */
export class Ladder {
  #at: number;
  #misses = 0;
  #held = 0;
  #rounds = 0;
  #refused = 0;
  /** Those that have brought something, and those over which what came after that passed too. */
  readonly #worked = new Set<Transport>();
  readonly #proved = new Set<Transport>();

  /** @throws TypeError for no rungs */
  constructor(
    private readonly rungs: readonly Transport[],
    private readonly memory: Memory,
    private readonly times: UpgradeTimes = UPGRADE_TIMES,
  ) {
    if (rungs.length === 0) throw new TypeError('There is no transport to follow over.');
    const remembered = memory.get();
    this.#at = Math.max(
      0,
      rungs.findIndex((rung) => rung.name === remembered),
    );
  }

  /** The rung to use now. */
  get current(): Transport {
    const rung = this.rungs[this.#at];
    if (rung === undefined) throw new RangeError(`There is no rung ${this.#at}.`);
    return rung;
  }

  /** The rungs above, best first. */
  get better(): readonly Transport[] {
    return this.rungs.slice(0, this.#at);
  }

  /** How many times every rung has failed in a row: a slow line deserves more patience each time. */
  get rounds(): number {
    return this.#rounds;
  }

  /** In how many ms to try a better rung. */
  get upgradeAfter(): number {
    const { known, unknown, most } = this.times;
    const first = this.better.some((rung) => this.#worked.has(rung)) ? known : unknown;
    return Math.min(most, first * 2 ** Math.min(this.#refused, 20));
  }

  /**
   * A connection of the current rung ended before everything had come, by no word of the server's.
   *
   * @param silent whether it let the time pass, or cannot carry what it should, rather than failed
   * @returns whether another rung is current now
   */
  missed(silent: boolean): boolean {
    this.#misses += silent ? 2 : 1;
    const known = this.#worked.has(this.current);
    return this.#misses >= (known ? MISSES_OF_KNOWN : MISSES) && this.#leave();
  }

  /**
   * The current rung brought everything and then nothing, not even a heartbeat.
   *
   * @returns whether another rung is current now
   */
  heldBack(): boolean {
    const rung = this.current;
    this.#held += 1;
    if (this.#held < (this.#proved.has(rung) ? HELD_OF_PROVED : HELD)) return false;
    this.#worked.delete(rung);
    this.#proved.delete(rung);
    return this.#leave();
  }

  /** The current rung has brought something. */
  worked(): void {
    this.#rounds = 0;
    this.#worked.add(this.current);
  }

  /** Everything has come over the current rung. */
  caughtUp(): void {
    this.#misses = 0;
    this.worked();
    this.memory.set(this.current.name);
  }

  /** Nothing is held back on a rung: it is the current one. */
  proved(rung: Transport): void {
    const at = this.rungs.indexOf(rung);
    if (at < this.#at) this.#refused = 0;
    this.#at = at;
    this.#held = 0;
    this.#proved.add(rung);
    this.caughtUp();
  }

  /** The network is another one, perhaps: begin with the best rung that has worked. */
  startOver(): void {
    const known = this.rungs.findIndex((rung) => this.#worked.has(rung));
    if (known < 0) return;
    this.#at = known;
    this.#misses = 0;
    this.#held = 0;
  }

  /** None of the better rungs did better. */
  upgradeRefused(): void {
    this.#refused += 1;
  }

  #leave(): boolean {
    this.#misses = 0;
    this.#held = 0;
    this.#at += 1;
    if (this.#at === this.rungs.length) {
      this.#at = 0;
      this.#rounds += 1;
    }
    return this.rungs.length > 1;
  }
}
