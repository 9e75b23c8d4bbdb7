import { closedByCode, lost, type ServerError } from './close-reasons.js';
import { Connection, type ConnectionListener } from './connection.js';
import { parseObject } from './json.js';
import type { Clock, Platform, SocketLike } from './platform.js';
import { closeSocket, errorOf } from './transports/websocket.js';
import type { ErrorFrame, JobStatus } from './types.js';

/** The state of a job as of `position` in the feed; a later summary of the same job replaces it. */
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

/** Receives what a connection to the feed reports. */
export interface FeedListener extends ConnectionListener {
  /** Summaries of changed jobs, in the feed's order. */
  onJobs(jobs: readonly JobSummary[]): void;
  /** Everything up to here has come; with `isCaughtUp`, there is no more at present. */
  onPosition(position: number, isCaughtUp: boolean): void;
  /** A heartbeat; `at` is the server's time, if it sent one. */
  onHeartbeat(at: string | undefined): void;
}

/** One connection to the feed. It waits for the first frame and detects silence. */
export class FeedConnection extends Connection {
  readonly #socket: SocketLike;
  #error: ServerError | null = null;

  constructor(
    url: string,
    WebSocket: NonNullable<Platform['WebSocket']>,
    clock: Clock,
    protected override readonly listener: FeedListener,
    firstFrameMs: number,
  ) {
    super(listener, clock, firstFrameMs, false, false);
    this.#socket = new WebSocket(url);
    this.#socket.onmessage = ({ data }) => this.#handleMessage(data);
    // A close event follows every error and says more.
    this.#socket.onerror = () => undefined;
    this.#socket.onclose = ({ code, reason }) => this.end(closedByCode(code, reason, this.#error));
    this.armTimer();
  }

  protected disconnect(): void {
    closeSocket(this.#socket);
  }

  #handleMessage(data: unknown): void {
    this.noteFrame();
    const frame = typeof data === 'string' ? parseObject(data) : null;
    if (frame === null) this.end(lost('bad_frame', 'Not a frame.'));
    else if (frame.kind === 'error') this.#error = errorOf(frame as unknown as ErrorFrame);
    else if (frame.kind === 'hello') this.acceptHello(frame.protocol, frame.heartbeat_s);
    else if (!this.greeted) this.end(lost('bad_frame', 'The first frame was not hello.'));
    else this.#handleFrame(frame);
  }

  #handleFrame(frame: Readonly<Record<string, unknown>>): void {
    const { kind, events, seq, head, at } = frame;
    if (kind === 'heartbeat') this.listener.onHeartbeat(typeof at === 'string' ? at : undefined);
    if (kind === 'events' && Array.isArray(events)) {
      this.delivered += events.length;
      this.listener.onJobs(events as readonly JobSummary[]);
    } else if (kind === 'fell_behind') {
      this.noteCaughtUp(false);
    } else if (kind === 'caught_up' && typeof seq === 'number') {
      this.noteCaughtUp(true);
      this.listener.onPosition(seq, true);
    } else if (kind === 'heartbeat' && this.isCaughtUp && typeof head === 'number') {
      this.listener.onPosition(head, false);
    }
    this.checkProof();
  }
}
