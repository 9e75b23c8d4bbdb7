import type { Addresses, Ticket } from './addresses';
import type { Ceiling } from './backoff';
import type { UpgradeTimes } from './fallback';
import type { FollowerInfo } from './info';
import type { Platform } from './platform';
import type { HttpOptions } from './transports/http';
import { LongPollTransport } from './transports/longpoll';
import { StreamTransport } from './transports/stream';
import { TRANSPORTS, type Transport, type TransportName } from './transports/transport';
import { WebSocketTransport } from './transports/websocket';
import type { JobEvent } from './types';

/** How to follow. Everything has a default. */
export interface FollowOptions extends HttpOptions {
  /** The last event that the consumer has: `57-5f1c2a9b`, `57`, or 0 for none (the default). */
  readonly after?: string | number;
  /** The ladder, best first: names, or transports of one's own. */
  readonly transports?: readonly (TransportName | Transport)[];
  /** New events, each exactly once, in order, as many as came together. */
  readonly onEvents?: (events: readonly JobEvent[], info: FollowerInfo) => void;
  /** Something about the connection changed. */
  readonly onState?: (info: FollowerInfo) => void;
  /** A heartbeat came; `at` is what the server's clock says, where it does. */
  readonly onHeartbeat?: (at: string | undefined) => void;
  /** What was given out before does not hold any more: forget it, all comes again from seq 1. */
  readonly onReset?: (info: FollowerInfo) => void;
  /** Start again from 0 on `cursor_ahead` and `history_diverged`, rather than fail. */
  readonly restart?: boolean;
  /** Give every event its exact text as `raw`. */
  readonly raw?: boolean;
  /** A permit in place of the cookie, for another origin. */
  readonly ticket?: Ticket;
  /** How long a connection may take to its first frame, in ms (4000). */
  readonly firstFrameMs?: number;
  /** Upper bound of the wait before a try: full jitter below it. */
  readonly backoff?: Ceiling;
  /** When to try a better transport again. */
  readonly upgrade?: UpgradeTimes;
  /** Start at once (the default), or when `start` is called. */
  readonly start?: boolean;
  /** What to use in place of the browser's own. */
  readonly platform?: Partial<Platform>;
}

/** Return the ladder's rungs for these options; a WebSocket only where there is one and it may be used. */
export function createTransports(
  addresses: Addresses,
  platform: Platform,
  options: FollowOptions,
): Transport[] {
  const http = { ...options, raw: options.raw ?? false };
  const make = (rung: TransportName | Transport): Transport[] => {
    if (typeof rung !== 'string') return [rung];
    if (rung === 'long poll') return [new LongPollTransport(rung, addresses, platform, http)];
    if (rung !== 'WebSocket') return [new StreamTransport(rung, addresses, platform, http)];
    // A browser cannot send the Authorization header with a WebSocket's handshake.
    if (platform.WebSocket === undefined || options.token !== undefined) return [];
    return [new WebSocketTransport(addresses, platform.WebSocket, http.raw)];
  };
  return (options.transports ?? TRANSPORTS).flatMap(make);
}
