import type { UpgradeTimes } from './fallback';

/** Connections in a row that end before all has come, after which WebSockets are blocked; silence counts two. */
const MISSES = 2;
/** The same where one has brought something: the server is likelier to be away than the way to it. */
const MISSES_OF_KNOWN = 4;
/** Connections in a row that bring all and then nothing; the same where one once did better. */
const HELD = 1;
const HELD_OF_PROVED = 2;

/** What is known of the way to the feed: whether WebSockets get through it, and when to try one again. */
export class FeedTrust {
  #misses = 0;
  #held = 0;
  #refused = 0;
  #worked = false;
  #proved = false;

  constructor(private readonly times: UpgradeTimes) {}

  /** Whether one has brought something. */
  get hasWorked(): boolean {
    return this.#worked;
  }

  /** Whether none gets through. */
  get isBlocked(): boolean {
    return this.#misses >= (this.#worked ? MISSES_OF_KNOWN : MISSES);
  }

  /** One ended before all had come; `silent`: it let the time pass, or cannot carry what it should. */
  missed(silent: boolean): void {
    this.#misses += silent ? 2 : 1;
  }

  /** One brought all and then nothing, not even a heartbeat. */
  heldBack(): void {
    this.#held += 1;
    if (this.#held < (this.#proved ? HELD_OF_PROVED : HELD)) return;
    this.#worked = false;
    this.#proved = false;
    this.#misses = MISSES;
  }

  /** One has brought something. */
  worked(): void {
    this.#worked = true;
  }

  /** All has come over one. */
  caughtUp(): void {
    this.#worked = true;
    this.#misses = 0;
  }

  /** Nothing is held back on one. */
  proved(): void {
    this.#proved = true;
    this.#held = 0;
    this.#refused = 0;
  }

  /** How long to stay without, in ms: longer each time, and by chance (0 to 1) not all pages alike. */
  pause(chance: number): number {
    const { known, unknown, most } = this.times;
    const longest = Math.min(most, (this.#worked ? known : unknown) * 2 ** this.#refused);
    this.#refused = Math.min(this.#refused + 1, 20);
    return Math.round(longest * (0.5 + chance / 2));
  }
}
