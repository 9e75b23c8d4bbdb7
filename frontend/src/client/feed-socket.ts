import { byCloseCode, type Closed, lost, parseObject, type Words } from './close-reasons';
import { PROTOCOL } from './connection';
import type { Clock, Platform, SocketLike } from './platform';
import { Silence, Watch, type WatchListener } from './silence';
import { leave, wordsOf } from './transports/websocket';
import type { ErrorFrame, JobStatus } from './types';

/** A connection that brought jobs for so long, in ms, did what it could, even if it is cut then. */
const LONG_MS = 20_000;

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
  /** Jobs that have moved, in the feed's order. */
  jobs(jobs: readonly JobSummary[]): void;
  /** All that is theirs to see up to here has come; with `caughtUp`, that was all there was. */
  reached(position: number, caughtUp: boolean): void;
  /** A heartbeat; `at` is what the server's clock says, where it does. */
  heartbeat(at: string | undefined): void;
  /** It has caught up, and nothing on the way holds back what comes after that; told once. */
  proved(): void;
  /** Heartbeats are overdue, or something came again after they were. */
  quiet(isQuiet: boolean): void;
  /** Once, unless `close` was called. */
  closed(why: Closed): void;
}

/** One connection to the feed: waits for its first frame, and watches for silence. */
export class FeedSocket implements WatchListener {
  /** Whether a `hello` has come. */
  greeted = false;
  /** Whether jobs have come. */
  brought = false;
  readonly #openedAt: number;
  readonly #socket: SocketLike;
  readonly #clock: Clock;
  readonly #silence: Silence;
  readonly #watch: Watch;
  #words: Words | null = null;
  #proved = false;
  #over = false;

  constructor(
    url: string,
    make: NonNullable<Platform['WebSocket']>,
    clock: Clock,
    private readonly listener: FeedSocketListener,
    firstFrameMs: number,
  ) {
    this.#clock = clock;
    this.#openedAt = clock.now();
    this.#silence = new Silence(this.#openedAt, firstFrameMs, false);
    this.#watch = new Watch(this.#silence, clock, this);
    this.#socket = new make(url);
    this.#socket.onmessage = ({ data }) => this.#message(data);
    // A close follows every error and says more.
    this.#socket.onerror = () => undefined;
    this.#socket.onclose = ({ code, reason }) => this.#end(byCloseCode(code, reason, this.#words));
    this.#watch.arm();
  }

  /** For how long there has been this connection, in ms. */
  get age(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Whether it has been so silent that, after a sleep, it is likelier dead than alive. */
  get stale(): boolean {
    return this.#silence.stale(this.#clock.now());
  }

  /** Whether all that had moved has come, and it has not fallen behind since. */
  get isCaughtUp(): boolean {
    return this.#silence.isCaughtUp;
  }

  /** Whether it was a slow one, or one that goes on and on, rather than one that fails. */
  get broughtForLong(): boolean {
    return this.brought && this.age >= LONG_MS;
  }

  /** Close; the listener is told nothing more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    leave(this.#socket);
  }

  quiet(): void {
    this.listener.quiet(true);
  }

  late(asleep: boolean): void {
    this.#end(this.#silence.overdue(asleep, this.isCaughtUp && this.#silence.proved));
  }

  #message(data: unknown): void {
    this.#silence.frame(this.#clock.now());
    if (this.#watch.heard()) {
      this.#watch.arm();
      this.listener.quiet(false);
    }
    const frame = typeof data === 'string' ? parseObject(data) : null;
    if (frame === null) this.#end(lost('bad_frame', 'Not a frame.'));
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
    this.greeted = true;
    this.#silence.greeted(heartbeat_s);
    this.#watch.arm();
  }

  #take(frame: Readonly<Record<string, unknown>>): void {
    const { kind, events, seq, head, at } = frame;
    if (kind === 'heartbeat') this.listener.heartbeat(typeof at === 'string' ? at : undefined);
    if (kind === 'events' && Array.isArray(events)) {
      this.brought = true;
      this.listener.jobs(events as readonly JobSummary[]);
    } else if (kind === 'fell_behind') {
      this.#silence.fellBehind();
      this.#watch.arm();
    } else if (kind === 'caught_up' && typeof seq === 'number') {
      this.#silence.caughtUp(this.#clock.now());
      this.#watch.arm();
      this.listener.reached(seq, true);
    } else if (kind === 'heartbeat' && this.isCaughtUp && typeof head === 'number') {
      this.listener.reached(head, false);
    }
    if (!this.#proved && !this.#over && this.isCaughtUp && this.#silence.proved) {
      this.#proved = true;
      this.listener.proved();
    }
  }

  #end(why: Closed): void {
    if (this.#over) return;
    this.close();
    this.listener.closed(why);
  }
}
