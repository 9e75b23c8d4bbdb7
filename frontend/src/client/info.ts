import type { TransportName } from './transports/transport';
import type { JobStatus } from './types';

/** What a follower is doing. */
export const FollowerState = {
  /** Not started, or stopped. */
  idle: 'idle',
  /** Connecting for the first time. */
  connecting: 'connecting',
  /** Getting history. */
  catchingUp: 'catching_up',
  /** Everything that there is has come; more comes as it happens. */
  live: 'live',
  /** It was live, but heartbeats are overdue: there may be more. The connection is still there. */
  quiet: 'quiet',
  /** Cut off: waiting for the next try (`nextTryAt`) or in the middle of it. */
  reconnecting: 'reconnecting',
  /** Cut off, and the machine itself has no network. */
  offline: 'offline',
  /** The job is over and every event has come. */
  ended: 'ended',
  /** Given up: `error.code` says why. */
  failed: 'failed',
} as const;

/** One of the constants of the same name. */
export type FollowerState = (typeof FollowerState)[keyof typeof FollowerState];

/** What coming back brought. */
export interface Resumed {
  /** Seq of the last event that had come before. */
  readonly from: number;
  /** Number of events that came while catching up; 0 where nothing had happened. */
  readonly caughtUp: number;
  /** When it was done, ms since the epoch. */
  readonly at: number;
}

/** Why a connection ended or was refused: the protocol's code, or one of the follower's own. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** ms since the epoch. */
  readonly at: number;
}

/** Everything that a page may want to say about the connection. A snapshot: it never changes. */
export interface FollowerInfo {
  readonly job: string;
  readonly state: FollowerState;
  /** The transport in use or last used; null before the first frame. */
  readonly transport: TransportName | null;
  /** Seq of the last event given out; 0 for none. */
  readonly seq: number;
  /** Where to come back to: `57-5f1c2a9b`, or what `after` was. */
  readonly cursor: string;
  /** The job's head as far as is known. */
  readonly head: number;
  /** The last resume that is done; null where there was none. */
  readonly resumed: Resumed | null;
  /** Tries that failed since it last was live. */
  readonly attempts: number;
  /** When the next try is due, ms since the epoch; null unless waiting for one. */
  readonly nextTryAt: number | null;
  /** The last trouble; it stays after recovery, for whoever asks what happened. */
  readonly error: Trouble | null;
  /** The job's terminal status once `ended`. */
  readonly status: JobStatus | null;
  /** Events that a connection sent twice, and holes that it left: both healed, neither expected. */
  readonly duplicates: number;
  readonly gaps: number;
}
