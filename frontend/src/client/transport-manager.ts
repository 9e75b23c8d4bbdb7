import type { Backoff } from './backoff.js';
import { type Closed, type Lost, lost } from './close-reasons.js';
import type { Ladder } from './fallback.js';
import { type Faults, JobConnection, type JobConnectionListener } from './job-connection.js';
import type { Platform } from './platform.js';
import { isSilent, Reconnector } from './reconnector.js';
import type { Transport, TransportName } from './transports/transport.js';
import type { EndFrame, HelloFrame, JobEvent, PlaceFrame } from './types.js';
import { Upgrade } from './upgrade.js';

/** The longest that a connection may take to its first frame, however slow the line, in ms. */
const MAX_FIRST_FRAME_MS = 30_000;
/** A finite answer that delivered nothing and ended sooner than this is not a rotation. */
const MIN_ROTATION_MS = 1000;

/** Receives what the manager reports, and answers its questions. */
export interface TransportListener {
  /** The cursor to connect with. */
  cursor(): string;
  /** Whether everything has come. */
  isLive(): boolean;
  /** A connection is being opened. */
  onConnecting(): void;
  /** A connection has sent its first frame, or has replaced another one. */
  onConnected(transport: TransportName, head: number): void;
  /** Events without a gap; during an upgrade some of them may have come before. */
  onEvents(events: readonly JobEvent[]): void;
  onPlace(frame: PlaceFrame): void;
  onHeartbeat(head: number, at?: string): void;
  /** Heartbeats are overdue, or a frame came after they were. */
  onQuiet(isQuiet: boolean): void;
  /** The connection is lost; the next try is in `waitMs`. */
  onLost(why: Lost, waitMs: number): void;
  /** Following is over: every event has come, the server has no more, or it refuses. */
  onOver(why: EndFrame | Exclude<Closed, Lost>): void;
}

/** Keeps one connection to a job up, over the best transport that works. */
export class TransportManager extends Reconnector<JobConnection> implements JobConnectionListener {
  readonly #upgrade: Upgrade;

  constructor(
    private readonly listener: TransportListener,
    platform: Platform,
    private readonly ladder: Ladder,
    backoff: Backoff,
    private readonly faults: Faults,
    private readonly firstFrameMs: number,
  ) {
    super(platform, backoff);
    this.#upgrade = new Upgrade(
      ladder,
      platform.clock,
      (transport) => this.#createConnection(transport),
      () => this.listener.isLive(),
    );
  }

  /** Connect, and stay connected until `stop` or the end. */
  start(): void {
    this.stop();
    this.run();
  }

  tryNow(): void {
    if (!this.isWaiting) return;
    this.backoff.reset();
    this.ladder.startOver();
    this.open();
  }

  onHello(connection: JobConnection, frame: HelloFrame): void {
    if (this.#upgrade.isTrial(connection)) return;
    this.listener.onConnected(connection.transport.name, frame.head);
  }

  onEvents(connection: JobConnection, events: readonly JobEvent[]): void {
    if (!this.#upgrade.isTrial(connection)) this.ladder.worked();
    this.listener.onEvents(events);
  }

  onPlace(connection: JobConnection, frame: PlaceFrame): void {
    if (this.#upgrade.isTrial(connection)) return;
    if (frame.kind === 'caught_up') {
      this.ladder.caughtUp();
      this.#upgrade.schedule();
    } else {
      this.#upgrade.abandonTrial();
    }
    this.listener.onPlace(frame);
  }

  onProved(connection: JobConnection): void {
    const { transport, seq } = connection;
    this.ladder.proved(transport);
    if (!this.#upgrade.isTrial(connection)) return;
    this.#upgrade.adoptTrial();
    this.connection?.close();
    this.connection = connection;
    this.#upgrade.schedule();
    this.listener.onConnected(transport.name, seq);
    this.listener.onPlace({ kind: 'caught_up', seq, head: seq });
  }

  onQuiet(connection: JobConnection, isQuiet: boolean): void {
    if (!this.#upgrade.isTrial(connection)) this.listener.onQuiet(isQuiet);
  }

  onHeartbeat(_connection: JobConnection, head: number, at?: string): void {
    this.listener.onHeartbeat(head, at);
  }

  onRetry(ms: number): void {
    if (ms > 0) this.backoff.base = ms;
  }

  onEnd(_connection: JobConnection, frame: EndFrame): void {
    this.stop();
    this.listener.onOver(frame);
  }

  onClosed(connection: JobConnection, closed: Closed): void {
    if (this.#upgrade.isTrial(connection)) {
      this.#upgrade.tryNext();
    } else if (closed.how === 'lost') {
      this.#handleLoss(connection, closed);
    } else if (closed.how === 'rotated') {
      this.#handleRotation(connection);
    } else {
      this.stop();
      this.listener.onOver(closed);
    }
  }

  protected override drop(): void {
    this.#upgrade.cancel();
    super.drop();
  }

  protected open(): void {
    this.drop();
    this.#openNext();
  }

  protected reportWait(why: Lost, waitMs: number): void {
    this.listener.onLost(why, waitMs);
  }

  #openNext(): void {
    this.listener.onConnecting();
    this.connection = this.#createConnection(this.ladder.current);
    this.connection.open();
  }

  #createConnection(transport: Transport): JobConnection {
    const { clock } = this.platform;
    const longer = this.firstFrameMs * 2 ** Math.min(this.ladder.rounds, 10);
    const firstFrameMs = Math.min(MAX_FIRST_FRAME_MS, longer);
    const cursor = this.listener.cursor();
    return new JobConnection(transport, cursor, this, clock, this.faults, firstFrameMs);
  }

  /** Reconnect at once if a finite answer delivered all or some of what it should. */
  #handleRotation(connection: JobConnection): void {
    const idle = connection.isCaughtUp && connection.age >= MIN_ROTATION_MS;
    if (connection.delivered === 0 && !idle) {
      this.#handleLoss(connection, lost('ended_early', 'The answer ended without anything new.'));
      return;
    }
    if (!connection.isCaughtUp && !connection.deliveredForLong) this.ladder.missed(false);
    this.backoff.reset();
    // A planned or running upgrade continues: rotations are more frequent than upgrades.
    this.connection = null;
    this.#openNext();
  }

  #handleLoss(connection: JobConnection, why: Lost): void {
    if (connection.isProved || this.wasWorthwhile(connection)) this.backoff.reset();
    const switched = this.blame(connection, why, this.ladder);
    const jitter = this.backoff.next();
    // The silence was already a wait: try another transport at once.
    this.wait(why, why.retryAfterMs + (isSilent(why) && switched ? 0 : jitter));
  }
}
