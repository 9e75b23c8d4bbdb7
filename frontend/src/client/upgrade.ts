import type { JobConnection, JobConnectionListener } from './job-connection.js';
import type { Rung } from './ladder.js';
import type { Cancel } from './platform.js';
import type { TransportManager } from './transport-manager.js';
import type { JobEvent, JobStatus } from './types.js';
import { UPGRADE_TIMES } from './upgrade-times.js';

/**
 * Tries the better transports now and then, in parallel to the working connection. That one stays open
 * until the better one has caught up and proved that nothing is held back on it, so there is no gap.
 */
export class Upgrade implements JobConnectionListener {
  #timer: Cancel | null = null;
  #trial: JobConnection | null = null;
  #untried: readonly Rung[] = [];
  /** Rounds of trials in which none of the better transports worked. */
  #refused = 0;

  constructor(private readonly manager: TransportManager) {}

  /** Schedule a round of trials, unless one is scheduled or running or there is nothing better. */
  schedule(): void {
    const { connection, ladder, platform } = this.manager;
    if (this.#timer || this.#trial || ladder.index === 0 || !connection?.isCaughtUp) return;
    this.#timer = platform.clock.after(this.#wait, () => {
      this.#timer = null;
      this.#untried = this.#better;
      this.#tryNext();
    });
  }

  /** Close the trial, which would send the same history. */
  abandon(): void {
    this.#trial?.close();
    this.#trial = null;
    this.#untried = [];
  }

  /** Cancel the schedule and the trial. */
  cancel(): void {
    this.#timer?.();
    this.#timer = null;
    this.abandon();
  }

  // A trial is not reported before it replaces the connection.
  onHello(): void {}

  onPlace(): void {}

  onQuiet(): void {}

  onEvents(events: readonly JobEvent[]): void {
    this.manager.progress.take(events);
  }

  onRetry(ms: number): void {
    this.manager.onRetry(ms);
  }

  onEnd(status: JobStatus): void {
    this.manager.onEnd(status);
  }

  onProved(): void {
    const trial = this.#trial;
    if (!trial) return;
    const { ladder, progress } = this.manager;
    const { transport } = trial;
    const { seq } = progress.info;
    this.#trial = null;
    this.#refused = 0;
    this.cancel();
    ladder.proved(ladder.rungs.findIndex((rung) => rung.transport === transport));
    this.manager.connection?.close();
    this.manager.connection = trial;
    trial.listener = this.manager;
    this.schedule();
    progress.connected(transport.name, seq);
    progress.place({ kind: 'caught_up', head: seq });
  }

  onClosed(): void {
    this.#tryNext();
  }

  get #better(): readonly Rung[] {
    const { rungs, index } = this.manager.ladder;
    return rungs.slice(0, index);
  }

  get #wait(): number {
    const { known, unknown, most } = this.manager.options.upgrade ?? UPGRADE_TIMES;
    const first = this.#better.some(({ hasWorked }) => hasWorked) ? known : unknown;
    return Math.min(most, first * 2 ** this.#refused);
  }

  /** Try the next of the better transports; after the last, schedule the next round. */
  #tryNext(): void {
    this.#trial = null;
    const [rung, ...untried] = this.#untried;
    if (rung === undefined) this.#refused += 1;
    // Otherwise history would be sent twice.
    if (rung === undefined || this.manager.progress.info.state !== 'live') {
      this.#untried = [];
      this.schedule();
      return;
    }
    this.#untried = untried;
    this.#trial = this.manager.createConnection(rung.transport, this);
    this.#trial.open();
  }
}
