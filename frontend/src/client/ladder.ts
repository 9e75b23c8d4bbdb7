import type { Memory } from './platform';
import type { Transport } from './transports/transport';

/** Failures in a row before a first frame, after which a rung is left; silence counts as two. */
const MISSES = 2;
/** The same for a rung that has worked: the server is likelier to be away than the way to it. */
const MISSES_OF_KNOWN = 4;

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
 * Which transport to use: the best that gives a first frame. Below the last rung comes the first again,
 * since a server that is away fails them all; what works is remembered.
 */
export class Ladder {
  #at: number;
  #misses = 0;
  #rounds = 0;
  #refused = 0;
  readonly #worked = new Set<Transport>();

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
   * The current rung gave no first frame.
   *
   * @param silent whether it let the time pass, rather than fail
   * @returns whether another rung is current now
   */
  missed(silent: boolean): boolean {
    this.#misses += silent ? 2 : 1;
    const known = this.#worked.has(this.current);
    if (this.#misses < (known ? MISSES_OF_KNOWN : MISSES)) return false;
    this.#misses = 0;
    this.#at += 1;
    if (this.#at === this.rungs.length) {
      this.#at = 0;
      this.#rounds += 1;
    }
    return this.rungs.length > 1;
  }

  /** A rung gave its first frame: it is the current one. */
  worked(rung: Transport): void {
    const at = this.rungs.indexOf(rung);
    if (at < this.#at) this.#refused = 0;
    if (at !== this.#at) this.#misses = 0;
    this.#at = at;
    this.#rounds = 0;
    this.#worked.add(rung);
    this.memory.set(rung.name);
  }

  /** Everything has come over the current rung: nothing on the way holds back what follows a first frame. */
  caughtUp(): void {
    this.#misses = 0;
  }

  /** The network is another one, perhaps: begin with the best rung that has worked. */
  startOver(): void {
    const known = this.rungs.findIndex((rung) => this.#worked.has(rung));
    if (known < 0) return;
    this.#at = known;
    this.#misses = 0;
  }

  /** None of the better rungs gave a first frame. */
  upgradeRefused(): void {
    this.#refused += 1;
  }
}
