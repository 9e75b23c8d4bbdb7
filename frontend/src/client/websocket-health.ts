import { HELD, HELD_OF_PROVED, MISSES, MISSES_OF_KNOWN } from './ladder.js';
import type { UpgradeTimes } from './upgrade-times.js';

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
