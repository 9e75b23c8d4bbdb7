import { closedByCode, lost, type ServerError } from './close-reasons.js';
import { Connection, type ConnectionListener } from './connection.js';
import { parseObject } from './json.js';
import type { Clock, Platform } from './platform.js';
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

type FeedFrame = Readonly<Record<string, unknown>>;

/** One connection to the feed. It waits for the first frame and detects silence. */
export class FeedConnection extends Connection<FeedFrame, FeedListener> {
  #error: ServerError | null = null;

  constructor(
    url: string,
    WebSocket: NonNullable<Platform['WebSocket']>,
    clock: Clock,
    listener: FeedListener,
    firstFrameMs: number,
  ) {
    super(listener, clock, firstFrameMs, {});
    const socket = new WebSocket(url);
    this.disconnect = () => closeSocket(socket);
    socket.onmessage = ({ data }) => this.#handleMessage(data);
    // A close event follows every error and says more.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => this.closed(closedByCode(code, reason, this.#error));
  }

  #handleMessage(data: unknown): void {
    const frame = typeof data === 'string' ? parseObject(data) : null;
    if (frame === null) this.closed(lost('bad_frame', 'Not a frame.'));
    else if (frame.kind === 'error') this.#error = errorOf(frame as unknown as ErrorFrame);
    else this.frame(frame);
  }

  protected handleFrame(frame: FeedFrame): void {
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
  }
}
