/** Upper bound of a wait in ms, given how many tries failed in a row before it and the base in ms. */
export type Ceiling = (tries: number, base: number) => number;

/** Doubles from `base` up to `cap` ms: somebody may be looking at the page that waits. */
export function exponential(cap = 15_000): Ceiling {
  return (tries, base) => Math.min(cap, base * 2 ** Math.min(tries, 30));
}

/**
 * How long to wait before the next try. Full jitter: anywhere between nothing and the ceiling, so
 * that followers which were cut off together do not come back together.
 */
export class Backoff {
  /** The first ceiling in ms; a server's `retry:` sets it. */
  base = 500;
  #tries = 0;

  constructor(
    private readonly ceiling: Ceiling,
    private readonly random: () => number,
  ) {}

  /** How many tries failed in a row. */
  get tries(): number {
    return this.#tries;
  }

  /** Count one more failed try; return the ms to wait before the next. */
  next(): number {
    const most = this.ceiling(this.#tries, this.base);
    this.#tries += 1;
    return Math.round(this.random() * most);
  }

  /** Start over: the last connection did its work, or somebody asked for a try now. */
  reset(): void {
    this.#tries = 0;
  }
}
