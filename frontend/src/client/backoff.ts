/** The upper bound of a wait in ms, from the number of failed tries in a row and the base in ms. */
export type Ceiling = (tries: number, base: number) => number;

/** Doubles from `base` up to `cap` ms, which is short because somebody may be watching the page. */
export function exponential(cap = 15_000): Ceiling {
  return (tries, base) => Math.min(cap, base * 2 ** tries);
}

/**
 * The wait before the next try, with full jitter: a random time up to the ceiling, so that followers
 * that were cut off together do not all reconnect together.
 */
export class Backoff {
  /** The first ceiling in ms; a server's `retry:` sets it. */
  base = 500;
  /** The number of failed tries in a row. */
  tries = 0;

  constructor(
    private readonly ceiling: Ceiling,
    private readonly random: () => number,
  ) {}

  /** Count one more failed try; return the ms to wait before the next. */
  next(): number {
    const most = this.ceiling(this.tries, this.base);
    this.tries += 1;
    return Math.round(this.random() * most);
  }

  /** Start over, after a useful connection or because the reader asked for a try. */
  reset(): void {
    this.tries = 0;
  }
}
