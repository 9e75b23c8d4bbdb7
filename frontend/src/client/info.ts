import type { TransportName } from './transports/transport.js';
import type { JobEvent, JobStatus } from './types.js';

/** What a follower is doing. */
export const FollowerState = {
  /** Not started, or stopped. */
  idle: 'idle',
  /** Connecting for the first time. */
  connecting: 'connecting',
  /** Getting history. */
  catchingUp: 'catching_up',
  /** Everything has come; more comes as it happens. */
  live: 'live',
  /** It was live, but heartbeats are overdue: there may be more. The connection is still open. */
  quiet: 'quiet',
  /** Cut off: waiting until `nextTryAt`, or trying. */
  reconnecting: 'reconnecting',
  /** Cut off, and the machine reports no network. */
  offline: 'offline',
  /** The job is over and every event has come. */
  ended: 'ended',
  /** Given up: `error.code` says why. */
  failed: 'failed',
} as const;

/** One of the constants of the same name. */
export type FollowerState = (typeof FollowerState)[keyof typeof FollowerState];

/** A finished resume. */
export interface Resumed {
  /** Seq of the last event before it. */
  readonly from: number;
  /** The number of events that it delivered; 0 if nothing had happened. */
  readonly caughtUp: number;
  /** When it finished, ms since the epoch. */
  readonly at: number;
}

/** Why a connection ended or was refused: a code of the protocol, or one of the follower's own. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** ms since the epoch. */
  readonly at: number;
}

/** The state of the connection. A snapshot: it never changes. */
export interface FollowerInfo {
  readonly job: string;
  readonly state: FollowerState;
  /** The transport in use or last used; null before the first frame. */
  readonly transport: TransportName | null;
  /** Seq of the last event given out; 0 for none. */
  readonly seq: number;
  /** The cursor to resume from: `57-5f1c2a9b`, or what `after` was. */
  readonly cursor: string;
  /** The job's head as far as is known. */
  readonly head: number;
  /** The last finished resume, or null. */
  readonly resumed: Resumed | null;
  /** Failed tries since it was last live. */
  readonly attempts: number;
  /** When the next try is due, ms since the epoch; null unless waiting for one. */
  readonly nextTryAt: number | null;
  /** The last error; it stays after recovery. */
  readonly error: Trouble | null;
  /** The job's terminal status once `ended`. */
  readonly status: JobStatus | null;
  /** Events that a connection sent twice, and gaps that it left: repaired, but not expected. */
  readonly duplicates: number;
  readonly gaps: number;
}

/** A follower's DOM events, by name. */
export interface FollowerEventMap {
  /** New events, each exactly once, in order. */
  events: CustomEvent<{ readonly events: readonly JobEvent[]; readonly info: FollowerInfo }>;
  /** The connection changed. */
  state: CustomEvent<FollowerInfo>;
  /** A heartbeat: nothing new; `at` is the server's time, if it sent one. */
  heartbeat: CustomEvent<{ readonly at: string | undefined }>;
  /** The events given out are no longer valid; all come again from seq 1. */
  reset: CustomEvent<FollowerInfo>;
}
