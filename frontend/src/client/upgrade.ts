import type { Link } from './connection';
import type { Ladder } from './fallback';
import type { Cancel, Clock } from './platform';
import type { Transport } from './transports/transport';

/** What an upgrade needs of the connection that works. */
export interface UpgradeHost {
  /** Make a connection from where the follower is; it is opened here. */
  connect(transport: Transport): Link;
  /** Whether everything is here: what is on its way would else come twice. */
  ready(): boolean;
}

/**
 * Tries the better transports now and then, beside the connection that works: that one goes on until the
 * better one has caught up and shown that nothing is held back on it, so there is no gap.
 */
export class Upgrade {
  #timer: Cancel | null = null;
  #trial: Link | null = null;
  #left: Transport[] = [];

  constructor(
    private readonly ladder: Ladder,
    private readonly clock: Clock,
    private readonly host: UpgradeHost,
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
    this.#trial = null;
    const [transport, ...left] = this.#left;
    if (transport === undefined) this.ladder.upgradeRefused();
    if (transport === undefined || !this.host.ready()) {
      this.#left = [];
      this.plan();
      return;
    }
    this.#left = left;
    this.#trial = this.host.connect(transport);
    this.#trial.open();
  }

  /** The trial is the connection now, and no trial any more. */
  adopt(): void {
    this.#trial = null;
    this.cancel();
  }

  /** Stop a trial that would bring what the connection brings. */
  abandon(): void {
    this.#trial?.close();
    this.#trial = null;
    this.#left = [];
  }

  /** Stop trying. */
  cancel(): void {
    this.#timer?.();
    this.#timer = null;
    this.abandon();
  }
}
