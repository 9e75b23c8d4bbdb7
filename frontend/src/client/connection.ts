import { type Closed, lost } from './close-reasons.js';
import { Liveness } from './liveness.js';
import type { Cancel, Clock } from './platform.js';
import type { Transport } from './transports/transport.js';

/** The protocol's version that this follower speaks. */
export const PROTOCOL = 1;
/** A timer that fires later than this, in ms, means that the page was busy or asleep. */
const LATE_MS = 1000;

/** What every frame may have. */
interface AnyFrame {
  readonly kind?: unknown;
  readonly protocol?: unknown;
  readonly heartbeat_s?: unknown;
}

/** Receives what every connection reports; nothing after `close`. */
export interface ConnectionListener {
  /** Heartbeats are overdue, or a frame came after they were. */
  onQuiet(isQuiet: boolean): void;
  /** It has caught up and no proxy holds back what follows; called once. */
  onProved(): void;
  /** The connection ended; called once. */
  onClosed(closed: Closed): void;
}

/** What connections to a job and to the feed share: the greeting, the silence timer, and the close. */
export abstract class Connection<
  F extends AnyFrame = AnyFrame,
  L extends ConnectionListener = ConnectionListener,
> {
  /** Whether a `hello` has come. */
  greeted = false;
  /** How many events it has delivered. */
  delivered = 0;
  protected isOver = false;
  /** Closes the socket or the request. */
  protected disconnect: Cancel | null = null;
  readonly #openedAt: number;
  readonly #liveness: Liveness;
  #timer: Cancel | null = null;
  #isQuiet = false;
  /** Whether a late timer has been forgiven since the last frame. */
  #excused = false;
  #reportedProof = false;

  constructor(
    /** Changes when the connection replaces another one. */
    public listener: L,
    protected readonly clock: Clock,
    firstFrameMs: number,
    readonly transport: Pick<Transport, 'flowing' | 'finite'>,
  ) {
    this.#openedAt = clock.now();
    this.#liveness = new Liveness(this.#openedAt, firstFrameMs, transport.flowing);
    this.#armTimer();
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
    return this.isCaughtUp && (this.transport.finite || this.#liveness.isProved);
  }

  /** Whether it is more likely dead than alive after the page slept. */
  get isStale(): boolean {
    return this.#liveness.isStale(this.clock.now());
  }

  /** Close; nothing more is reported. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#timer?.();
    this.disconnect?.();
  }

  /** Bytes arrived; all of a frame, if it is not known how many. */
  alive(bytes = Number.POSITIVE_INFINITY): void {
    this.#liveness.onBytes(bytes, this.clock.now());
  }

  /** A frame came. */
  frame(frame: F): void {
    if (this.isOver) return;
    if (!this.greeted && frame.kind !== 'hello') {
      this.closed(lost('bad_frame', `The first frame was ${frame.kind}, not hello.`));
      return;
    }
    this.#noteFrame();
    if (frame.kind === 'hello') this.#acceptHello(frame);
    if (!this.isOver) this.handleFrame(frame);
    if (this.isOver || this.#reportedProof || !this.isProved) return;
    this.#reportedProof = true;
    this.listener.onProved();
  }

  /** The connection ended: close it, and report that. */
  closed(closed: Closed): void {
    if (this.isOver) return;
    this.close();
    this.listener.onClosed(closed);
  }

  /** Start or restart the silence timer. */
  #armTimer(): void {
    this.#timer?.();
    const { deadline, quietAt } = this.#liveness;
    const due = this.#isQuiet ? deadline : Math.min(deadline, quietAt);
    const wait = Math.max(0, due - this.clock.now());
    this.#timer = this.clock.after(wait, () => this.#checkSilence(due));
  }

  protected noteCaughtUp(isCaughtUp: boolean): void {
    if (isCaughtUp) this.#liveness.onCaughtUp(this.clock.now());
    else this.#liveness.onFellBehind();
    this.#armTimer();
  }

  /** Handle a frame that came in its order. */
  protected abstract handleFrame(frame: F): void;

  #noteFrame(): void {
    this.#liveness.onFrame(this.clock.now());
    this.#excused = false;
    if (!this.#isQuiet) return;
    this.#isQuiet = false;
    this.#armTimer();
    this.listener.onQuiet(false);
  }

  /** Take a `hello`; the connection ends if the server speaks another version. */
  #acceptHello({ protocol, heartbeat_s }: F): void {
    if (protocol !== PROTOCOL) {
      const message = `The server speaks protocol ${protocol}, this page ${PROTOCOL}.`;
      this.closed({ how: 'refused', code: 'unsupported_protocol', message });
      return;
    }
    this.greeted = true;
    this.#liveness.onHello(heartbeat_s);
    this.#armTimer();
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
      this.closed(this.#liveness.timeout(asleep, this.isProved));
      return;
    }
    if (now >= this.#liveness.quietAt && !this.#isQuiet) {
      this.#isQuiet = true;
      this.listener.onQuiet(true);
    }
    this.#armTimer();
  }
}
