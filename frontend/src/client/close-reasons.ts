/** Why a connection ended, and what that means for the next one. */
export type Closed =
  /** Nothing more will come (204), although no `end` was received. */
  | { readonly how: 'ended' }
  /** A finite answer ended regularly: continue at once. */
  | { readonly how: 'rotated' }
  /** Reconnect with the cursor. */
  | Lost
  /** Do not reconnect. */
  | { readonly how: 'refused'; readonly code: string; readonly message: string };

/** A connection that was lost; the next try is after `retryAfterMs` or later. */
export interface Lost {
  readonly how: 'lost';
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number;
  /** Whether the server itself closed it, so that this transport works. */
  readonly fromServer: boolean;
}

/**
 * The close code of each error of the protocol: reconnecting with the same cursor cannot succeed from 4500
 * on. Without an `error` frame before it, a close code means the first of its errors.
 */
const CLOSE_CODES: Readonly<Record<string, number>> = {
  going_down: 4000,
  too_slow: 4002,
  over_limit: 4003,
  bad_request: 4500,
  bad_cursor: 4500,
  not_signed_in: 4501,
  forbidden: 4503,
  second_factor_required: 4503,
  not_found: 4504,
  cursor_ahead: 4509,
  history_diverged: 4510,
  history_expired: 4510,
};

/** The first close code that is final. */
export const FINAL = 4500;

/** RFC 6455: the message is too large for a proxy or the browser. */
const TOO_BIG = 1009;

/** An error that the server sent, in an `error` frame or a problem document. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Return a loss caused by the network, a proxy or silence. */
export function lost(code: string, message: string): Lost {
  return { how: 'lost', code, message, retryAfterMs: 0, fromServer: false };
}

/** Return what an error of the server means; `closeCode` counts for one that this version does not know. */
export function closedByServer(
  { code, message, retryAfterMs = 0 }: ServerError,
  closeCode = 0,
): Closed {
  if ((CLOSE_CODES[code] ?? closeCode) >= FINAL) return { how: 'refused', code, message };
  return { how: 'lost', code, message, retryAfterMs, fromServer: true };
}

/** Return what a WebSocket's close frame means; `error` is the `error` frame before it, if any. */
export function closedByCode(closeCode: number, reason: string, error: ServerError | null): Closed {
  if (error) return closedByServer(error, closeCode);
  if (closeCode < 4000) {
    const name = closeCode === TOO_BIG ? 'message_too_big' : 'connection_lost';
    return lost(name, reason || `The connection was closed (${closeCode}).`);
  }
  const known = Object.keys(CLOSE_CODES).find((name) => CLOSE_CODES[name] === closeCode);
  const code = known ?? `close_${closeCode}`;
  return closedByServer({ code, message: reason || code }, closeCode);
}

/** Return ms for a number of seconds; 0 for anything else. */
export function secondsToMs(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value * 1000 : 0;
}
