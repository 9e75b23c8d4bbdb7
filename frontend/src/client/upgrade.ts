import type { Ladder } from './ladder';
import type { Link } from './link';
import type { Cancel, Clock } from './platform';
import type { Transport } from './transports/transport';

/**
 * Tries the better transports now and then, beside the connection that works: that one goes on until the
 * better one has given its first frame, so there is no gap.
 */
export class Upgrade {
  #timer: Cancel | null = null;
  #trial: Link | null = null;
  #left: Transport[] = [];

  /** @param connect opens a connection from where the follower is */
  constructor(
    private readonly ladder: Ladder,
    private readonly clock: Clock,
    private readonly connect: (transport: Transport) => Link,
  ) {}

  /** Whether this connection is the trial. */
  tries(link: Link): boolean {
    return link === this.#trial;
  }

  /** Try later; nothing where there is nothing better, or that is planned or under way already. */
  plan(): void {
    if (this.#timer || this.#trial || this.ladder.better.length === 0) return;
    this.#timer = this.clock.after(this.ladder.upgradeAfter, () => {
      this.#timer = null;
      this.#left = [...this.ladder.better];
      this.next();
    });
  }

  /** Try the next of the better ones; after the last, plan the next round. */
  next(): void {
    const transport = this.#left.shift();
    this.#trial = null;
    if (transport === undefined) {
      this.ladder.upgradeRefused();
      this.plan();
      return;
    }
    this.#trial = this.connect(transport);
  }

  /** The trial has given its first frame: it is the connection now, and no trial any more. */
  adopt(): void {
    this.#trial = null;
    this.cancel();
  }

  /** Stop trying. */
  cancel(): void {
    this.#timer?.();
    this.#timer = null;
    this.#trial?.close();
    this.#trial = null;
    this.#left = [];
  }
}
