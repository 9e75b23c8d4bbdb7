import type { Ladder } from './fallback.js';
import type { JobConnection } from './job-connection.js';
import type { Cancel, Clock } from './platform.js';
import type { Transport } from './transports/transport.js';

/**
 * Tries the better transports now and then, in parallel to the working connection. That one stays open
 * until the better one has caught up and proved that nothing is held back on it, so there is no gap.
 */
export class Upgrade {
  #timer: Cancel | null = null;
  #trial: JobConnection | null = null;
  #untried: Transport[] = [];

  /**
   * @param connect creates a connection at the follower's cursor, which is opened here
   * @param isReady whether everything has come; otherwise history would be sent twice
   */
  constructor(
    private readonly ladder: Ladder,
    private readonly clock: Clock,
    private readonly connect: (transport: Transport) => JobConnection,
    private readonly isReady: () => boolean,
  ) {}

  /** Whether a connection is the trial. */
  isTrial(connection: JobConnection): boolean {
    return connection === this.#trial;
  }

  /** Schedule a round of trials, unless one is scheduled or running or there is nothing better. */
  schedule(): void {
    if (this.#timer || this.#trial || this.ladder.better.length === 0) return;
    this.#timer = this.clock.after(this.ladder.upgradeAfter, () => {
      this.#timer = null;
      this.#untried = [...this.ladder.better];
      this.tryNext();
    });
  }

  /** Try the next of the better transports; after the last, schedule the next round. */
  tryNext(): void {
    this.#trial = null;
    const [transport, ...untried] = this.#untried;
    if (transport === undefined) this.ladder.upgradeRefused();
    if (transport === undefined || !this.isReady()) {
      this.#untried = [];
      this.schedule();
      return;
    }
    this.#untried = untried;
    this.#trial = this.connect(transport);
    this.#trial.open();
  }

  /** Hand the trial over: it is the connection now. */
  adoptTrial(): void {
    this.#trial = null;
    this.cancel();
  }

  /** Close the trial, which would send the same history. */
  abandonTrial(): void {
    this.#trial?.close();
    this.#trial = null;
    this.#untried = [];
  }

  /** Cancel the schedule and the trial. */
  cancel(): void {
    this.#timer?.();
    this.#timer = null;
    this.abandonTrial();
  }
}
