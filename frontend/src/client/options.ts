import type { Addresses } from './addresses.js';
import type { Ceiling } from './backoff.js';
import type { FollowerInfo } from './info.js';
import type { JobAddress, Ticket } from './job-address.js';
import type { Fallback } from './load-fallback.js';
import type { Platform } from './platform.js';
import type { HttpOptions } from './transports/http.js';
import { lazyTransport } from './transports/lazy.js';
import { TRANSPORTS, type Transport, type TransportName } from './transports/transport.js';
import { webSocketTransport } from './transports/websocket.js';
import type { JobEvent } from './types.js';
import type { UpgradeTimes } from './upgrade-times.js';

/** Lets followers in several tabs share connections: see `shareConnections`. */
export interface ConnectionSharing {
  /** Return a transport that uses `held` while this tab may hold a connection, and others' leftovers else. */
  share(
    held: Transport,
    addresses: Addresses,
    platform: Platform,
    options: HttpOptions & { readonly raw: boolean },
  ): Transport;
}

/** The options of `follow`, all of which have defaults. */
export interface FollowOptions extends HttpOptions {
  /** The cursor of the last event that the consumer has: `57-5f1c2a9b`, `57`, or 0 (the default). */
  readonly after?: string | number;
  /** The transports, best first: names, or objects of your own. */
  readonly transports?: readonly (TransportName | Transport)[];
  /** New events, each exactly once, in order, as many as came together. */
  readonly onEvents?: (events: readonly JobEvent[], info: FollowerInfo) => void;
  /** The connection changed. */
  readonly onState?: (info: FollowerInfo) => void;
  /** A heartbeat came; `at` is the server's time, if it sent one. */
  readonly onHeartbeat?: (at: string | undefined) => void;
  /** The events given out are no longer valid; all come again from seq 1. */
  readonly onReset?: (info: FollowerInfo) => void;
  /** Reset and follow from 0 on `cursor_ahead` and `history_diverged`, instead of failing. */
  readonly restart?: boolean;
  /** Give every event its exact text as `raw`. */
  readonly raw?: boolean;
  /** Gets a permit instead of the cookie, for another origin; called for each connection. */
  readonly ticket?: Ticket;
  /** How long a connection may take to its first frame, in ms (4000). */
  readonly firstFrameMs?: number;
  /** Upper bound of the wait before a try: full jitter below it. */
  readonly backoff?: Ceiling;
  /** When to try a better transport again. */
  readonly upgrade?: UpgradeTimes;
  /** Whether to start at once (the default), or only when `start` is called. */
  readonly start?: boolean;
  /** How this follower shares the browser's few connections over HTTP/1.1 with other tabs: not at all. */
  readonly connections?: ConnectionSharing;
  /** Replacements for what the browser provides. */
  readonly platform?: Partial<Platform>;
}

/** Create the transports for these options; a WebSocket only if the platform has one that can be used. */
export function createTransports(
  job: string,
  address: JobAddress,
  platform: Platform,
  options: FollowOptions,
): Transport[] {
  const { raw = false, token, transports = TRANSPORTS } = options;
  // A browser cannot send the Authorization header with a WebSocket's handshake.
  const Socket = token === undefined ? platform.WebSocket : undefined;
  const transportsFor = (rung: TransportName | Transport): Transport[] => {
    if (typeof rung !== 'string') return [rung];
    if (rung === 'WebSocket') return Socket ? [webSocketTransport(address, Socket, raw)] : [];
    const create = ({ createTransport }: Fallback) => createTransport(rung, job, platform, options);
    return [lazyTransport(rung, create)];
  };
  return transports.flatMap(transportsFor);
}
