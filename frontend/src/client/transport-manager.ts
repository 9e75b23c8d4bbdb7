import type { Backoff } from './backoff.js';
import { type Closed, type Lost, lost } from './close-reasons.js';
import { JobConnection, type JobConnectionListener } from './job-connection.js';
import type { Ladder } from './ladder.js';
import { loadFallback } from './load-fallback.js';
import type { FollowOptions } from './options.js';
import type { Platform } from './platform.js';
import type { Progress } from './progress.js';
import { DIVERGED, FIRST_FRAME_MS, Reconnector } from './reconnector.js';
import type { JobEvent, JobStatus, PlaceFrame } from './types.js';
import type { Upgrade } from './upgrade.js';

/** The longest that a connection may take to its first frame, however slow the line, in ms. */
const MAX_FIRST_FRAME_MS = 30_000;
/** A finite answer that delivered nothing and ended sooner than this is not a rotation. */
const MIN_ROTATION_MS = 1000;

/** Keeps one connection to a job up, over the best transport that works. */
export class TransportManager extends Reconnector<JobConnection> implements JobConnectionListener {
  /** Tries better transports; null until a lower one is in use. */
  #upgrade: Upgrade | null = null;

  constructor(
    readonly progress: Progress,
    platform: Platform,
    readonly ladder: Ladder,
    backoff: Backoff,
    readonly options: FollowOptions,
  ) {
    super(platform, backoff);
  }

  /** Connect, and stay connected until `stop` or the end. */
  start(): void {
    this.stop();
    this.progress.start();
    this.run();
  }

  /** Forget everything, and follow from seq 1. */
  restart(): void {
    this.stop();
    this.progress.reset();
    this.start();
  }

  tryNow(): void {
    if (!this.waiting) return;
    this.backoff.reset();
    this.ladder.startOver();
    this.open();
  }

  onHello(head: number): void {
    this.progress.connected(this.ladder.current.name, head);
  }

  onEvents(events: readonly JobEvent[]): void {
    this.ladder.worked();
    this.progress.take(events);
  }

  onPlace(frame: PlaceFrame): void {
    if (frame.kind === 'caught_up') {
      this.ladder.caughtUp();
      this.#scheduleUpgrade();
    } else {
      this.#upgrade?.abandon();
    }
    this.progress.place(frame);
  }

  onProved(): void {
    this.ladder.proved();
  }

  onQuiet(isQuiet: boolean): void {
    this.progress.report({ state: isQuiet ? 'quiet' : 'live' });
  }

  onRetry(ms: number): void {
    if (ms > 0) this.backoff.base = ms;
  }

  onEnd(status: JobStatus | null): void {
    this.stop();
    this.progress.end(status);
  }

  onClosed(closed: Closed): void {
    const { connection } = this;
    if (closed.how === 'refused') this.#handleRefusal(closed);
    else if (!connection || closed.how === 'ended') this.onEnd(null);
    else if (closed.how === 'lost') this.#handleLoss(connection, closed);
    else this.#handleRotation(connection);
  }

  /** Create a connection at the follower's cursor. */
  createConnection(
    transport = this.ladder.current,
    listener: JobConnectionListener = this,
  ): JobConnection {
    const { firstFrameMs = FIRST_FRAME_MS } = this.options;
    const longer = Math.min(MAX_FIRST_FRAME_MS, firstFrameMs * 2 ** this.ladder.rounds);
    return new JobConnection(transport, listener, this.platform.clock, longer, this.progress);
  }

  protected override drop(): void {
    this.#upgrade?.cancel();
    super.drop();
  }

  protected open(): void {
    this.drop();
    this.#openNext();
  }

  protected reportWait(why: Lost, waitMs: number): void {
    this.progress.lost(why, waitMs, this.backoff.tries);
  }

  #openNext(): void {
    if (this.progress.info.nextTryAt !== null) this.progress.report({});
    this.connection = this.createConnection();
    this.connection.open();
  }

  /** The code that tries better transports is loaded once a lower one is in use. */
  #scheduleUpgrade(): void {
    if (this.ladder.index === 0) return;
    loadFallback().then(
      ({ Upgrade }) => {
        this.#upgrade ??= new Upgrade(this);
        this.#upgrade.schedule();
      },
      () => undefined, // tried again when a connection has caught up
    );
  }

  /** Reconnect at once if a finite answer delivered all or some of what it should. */
  #handleRotation(connection: JobConnection): void {
    const { isCaughtUp, delivered, age, greeted } = connection;
    const code = greeted ? 'ended_early' : 'no_first_frame';
    const early = lost(code, 'The answer ended without anything new.');
    if (delivered === 0 && !(isCaughtUp && age >= MIN_ROTATION_MS)) {
      this.#handleLoss(connection, early);
      return;
    }
    this.blame(connection, early, this.ladder);
    this.backoff.reset();
    // A planned or running upgrade continues: rotations are more frequent than upgrades.
    this.connection = null;
    this.#openNext();
  }

  #handleLoss(connection: JobConnection, why: Lost): void {
    const isAtOnce = this.blame(connection, why, this.ladder);
    const jitter = this.backoff.next();
    this.wait(why, isAtOnce ? 0 : jitter);
  }

  #handleRefusal(why: Extract<Closed, { how: 'refused' }>): void {
    this.stop();
    this.progress.noteError(why);
    const { seq } = this.progress.info;
    if (this.options.restart && seq > 0 && DIVERGED.includes(why.code)) this.restart();
    else this.progress.report({ state: 'failed' });
  }
}
