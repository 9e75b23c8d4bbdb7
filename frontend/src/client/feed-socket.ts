import { byCloseCode, type Closed, lost, parseObject, type Words } from './closed';
import { PROTOCOL } from './link';
import type { Cancel, Clock, Platform, SocketLike } from './platform';
import { leave, wordsOf } from './transports/websocket';
import type { ErrorFrame, JobStatus } from './types';

/** Silence longer than this many heartbeats means that nobody is there any more. */
const PATIENCE = 2.5;
/** Heartbeats of silence past which a wake-up does not trust a connection. */
const STALE = 1.2;
const HEARTBEAT_S = 15;

/** How a job stands that has moved at `position`; a later one of the same job goes before it. */
export interface JobSummary {
  readonly position: number;
  readonly job: string;
  readonly job_kind: string;
  readonly title: string;
  readonly status: JobStatus;
  readonly done: number;
  readonly total: number;
  readonly head: number;
  readonly failed?: number;
}

/** What a connection to the feed tells. */
export interface FeedSocketListener {
  hello(): void;
  /** Jobs that have moved, in the feed's order. */
  jobs(jobs: readonly JobSummary[]): void;
  /** All that is theirs to see up to here has come; with `caughtUp`, that was all there was. */
  reached(position: number, caughtUp: boolean): void;
  /** A heartbeat; `at` is what the server's clock says, where it does. */
  heartbeat(at: string | undefined): void;
  /** Once, unless `close` was called. */
  closed(why: Closed): void;
}

/** One connection to the feed: waits for its first frame, and watches for silence. */
export class FeedSocket {
  /** Whether a `hello` has come. */
  greeted = false;
  /** Whether jobs have come. */
  brought = false;
  readonly #openedAt: number;
  readonly #socket: SocketLike;
  readonly #clock: Clock;
  #seenAt: number;
  #heartbeatMs = HEARTBEAT_S * 1000;
  #caughtUp = false;
  #words: Words | null = null;
  #timer: Cancel;
  #over = false;

  constructor(
    url: string,
    make: NonNullable<Platform['WebSocket']>,
    clock: Clock,
    private readonly listener: FeedSocketListener,
    firstFrameMs: number,
  ) {
    this.#clock = clock;
    this.#openedAt = this.#seenAt = clock.now();
    this.#socket = new make(url);
    this.#socket.onmessage = ({ data }) => this.#message(data);
    // A close follows every error and says more.
    this.#socket.onerror = () => undefined;
    this.#socket.onclose = ({ code, reason }) => this.#end(byCloseCode(code, reason, this.#words));
    this.#timer = clock.after(firstFrameMs, () => {
      const seconds = Math.round(firstFrameMs / 100) / 10;
      this.#end(lost('no_first_frame', `Nothing came within ${seconds} s.`));
    });
  }

  /** For how long there has been this connection, in ms. */
  get age(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Whether it has been so silent that, after a sleep, it is likelier dead than alive. */
  get stale(): boolean {
    return this.greeted && this.#clock.now() - this.#seenAt > STALE * this.#heartbeatMs;
  }

  /** Close; the listener is told nothing more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer();
    leave(this.#socket);
  }

  #message(data: unknown): void {
    this.#seenAt = this.#clock.now();
    const frame = typeof data === 'string' ? parseObject(data) : null;
    if (frame === null) this.#end(lost('bad_frame', 'This is no frame.'));
    else if (frame.kind === 'error') this.#words = wordsOf(frame as unknown as ErrorFrame);
    else if (frame.kind === 'hello') this.#hello(frame);
    else if (!this.greeted) this.#end(lost('bad_frame', 'The first frame was not hello.'));
    else this.#take(frame);
  }

  #hello({ protocol, heartbeat_s }: Readonly<Record<string, unknown>>): void {
    if (protocol !== PROTOCOL) {
      const message = `The server speaks protocol ${protocol}, this page ${PROTOCOL}.`;
      this.#end({ how: 'refused', code: 'unsupported_protocol', message });
      return;
    }
    if (typeof heartbeat_s === 'number' && heartbeat_s > 0) this.#heartbeatMs = heartbeat_s * 1000;
    this.greeted = true;
    this.#timer();
    this.#watch();
    this.listener.hello();
  }

  #take(frame: Readonly<Record<string, unknown>>): void {
    const { kind, events, seq, head, at } = frame;
    if (kind === 'heartbeat') this.listener.heartbeat(typeof at === 'string' ? at : undefined);
    if (kind === 'events' && Array.isArray(events)) {
      this.brought = true;
      this.listener.jobs(events as readonly JobSummary[]);
    } else if (kind === 'fell_behind') {
      this.#caughtUp = false;
    } else if (kind === 'caught_up' && typeof seq === 'number') {
      this.#caughtUp = true;
      this.listener.reached(seq, true);
    } else if (kind === 'heartbeat' && this.#caughtUp && typeof head === 'number') {
      this.listener.reached(head, false);
    }
  }

  #watch(): void {
    const limit = PATIENCE * this.#heartbeatMs;
    const left = this.#seenAt + limit - this.#clock.now();
    if (left <= 0) this.#end(lost('silent', `Nothing came for ${Math.round(limit / 1000)} s.`));
    else this.#timer = this.#clock.after(left, () => this.#watch());
  }

  #end(why: Closed): void {
    if (this.#over) return;
    this.close();
    this.listener.closed(why);
  }
}
