import type { Closed } from './close-reasons.js';
import { Liveness } from './liveness.js';
import type { Cancel, Clock } from './platform.js';

/** The protocol's version that this follower speaks. */
export const PROTOCOL = 1;
/** A connection that delivered for this long, in ms, was slow rather than broken, even if it is then cut. */
const LONG_MS = 20_000;
/** A timer that fires later than this, in ms, means that the page was busy or asleep. */
const LATE_MS = 1000;

/** Receives what every connection reports; nothing after `close`. */
export interface ConnectionListener {
  /** Heartbeats are overdue, or a frame came after they were. */
  onQuiet(connection: Connection, isQuiet: boolean): void;
  /** It has caught up and no proxy holds back what follows; called once. */
  onProved(connection: Connection): void;
  /** The connection ended; called once. */
  onClosed(connection: Connection, closed: Closed): void;
}

/** What connections to a job and to the feed share: the greeting, the silence timer, and the close. */
export abstract class Connection {
  /** Whether a `hello` has come. */
  greeted = false;
  /** How many events it has delivered. */
  delivered = 0;
  protected isOver = false;
  readonly #openedAt: number;
  readonly #liveness: Liveness;
  #timer: Cancel = () => undefined;
  #isQuiet = false;
  /** Whether a late timer has been forgiven since the last frame. */
  #excused = false;
  #reportedProof = false;

  /**
   * @param flowing whether bytes are reported before a frame is complete
   * @param finite whether answers end by themselves, so that no proxy can hold one back
   */
  constructor(
    protected readonly listener: ConnectionListener,
    protected readonly clock: Clock,
    firstFrameMs: number,
    flowing: boolean,
    private readonly finite: boolean,
  ) {
    this.#openedAt = clock.now();
    this.#liveness = new Liveness(this.#openedAt, firstFrameMs, flowing);
  }

  /** Milliseconds since it was opened. */
  get age(): number {
    return this.clock.now() - this.#openedAt;
  }

  /** Whether everything has come, and it has not fallen behind since. */
  get isCaughtUp(): boolean {
    return this.#liveness.isCaughtUp;
  }

  /** Whether it has caught up, and no proxy holds back what comes after that. */
  get isProved(): boolean {
    return this.isCaughtUp && (this.finite || this.#liveness.isProved);
  }

  /** Whether it has delivered events for so long that it is slow rather than broken. */
  get deliveredForLong(): boolean {
    return this.delivered > 0 && this.age >= LONG_MS;
  }

  /** Whether it is more likely dead than alive after the page slept. */
  get isStale(): boolean {
    return this.#liveness.isStale(this.clock.now());
  }

  /** Close; nothing more is reported. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#timer();
    this.disconnect();
  }

  /** Close the socket or the request. */
  protected abstract disconnect(): void;

  protected end(closed: Closed): void {
    if (this.isOver) return;
    this.close();
    this.listener.onClosed(this, closed);
  }

  /** Start or restart the silence timer. */
  protected armTimer(): void {
    this.#timer();
    const { deadline, quietAt } = this.#liveness;
    const due = this.#isQuiet ? deadline : Math.min(deadline, quietAt);
    const wait = Math.max(0, due - this.clock.now());
    this.#timer = this.clock.after(wait, () => this.#checkSilence(due));
  }

  protected noteBytes(size: number): void {
    this.#liveness.onBytes(size, this.clock.now());
  }

  protected noteFrame(): void {
    this.#liveness.onFrame(this.clock.now());
    this.#excused = false;
    if (!this.#isQuiet) return;
    this.#isQuiet = false;
    this.armTimer();
    this.listener.onQuiet(this, false);
  }

  /** Take a `hello`; return false, and end, if the server speaks another version. */
  protected acceptHello(protocol: unknown, heartbeatS: unknown): boolean {
    if (protocol !== PROTOCOL) {
      const message = `The server speaks protocol ${protocol}, this page ${PROTOCOL}.`;
      this.end({ how: 'refused', code: 'unsupported_protocol', message });
      return false;
    }
    this.greeted = true;
    this.#liveness.onHello(heartbeatS);
    this.armTimer();
    return true;
  }

  protected noteCaughtUp(isCaughtUp: boolean): void {
    if (isCaughtUp) this.#liveness.onCaughtUp(this.clock.now());
    else this.#liveness.onFellBehind();
    this.armTimer();
  }

  protected checkProof(): void {
    if (this.isOver || this.#reportedProof || !this.isProved) return;
    this.#reportedProof = true;
    this.listener.onProved(this);
  }

  #checkSilence(due: number): void {
    const now = this.clock.now();
    const asleep = now > due + LATE_MS;
    // Frames that arrived while the page was asleep have not been read yet: wait once more.
    if (asleep && !this.#excused && !this.isCaughtUp) {
      this.#excused = true;
      this.#liveness.restart(now);
    }
    if (now >= this.#liveness.deadline) {
      this.end(this.#liveness.timeout(asleep, this.isProved));
      return;
    }
    if (now >= this.#liveness.quietAt && !this.#isQuiet) {
      this.#isQuiet = true;
      this.listener.onQuiet(this, true);
    }
    this.armTimer();
  }
}
