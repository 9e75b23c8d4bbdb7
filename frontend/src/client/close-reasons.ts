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

/** Codes after which reconnecting with the same cursor cannot succeed. */
const FINAL: ReadonlySet<string> = new Set([
  'bad_request',
  'bad_cursor',
  'not_signed_in',
  'forbidden',
  'not_found',
  'cursor_ahead',
  'history_diverged',
  'history_expired',
  'unsupported_protocol',
]);

/** The meaning of a close code without an `error` frame before it. */
const CLOSE_CODES: Readonly<Record<number, string>> = {
  4000: 'going_down',
  4002: 'too_slow',
  4003: 'over_limit',
  4500: 'bad_request',
  4501: 'not_signed_in',
  4503: 'forbidden',
  4504: 'not_found',
  4509: 'cursor_ahead',
  4510: 'history_diverged',
};

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

/** Return what an error of the server means. */
export function closedByServer(error: ServerError, final = FINAL.has(error.code)): Closed {
  const { code, message } = error;
  if (final) return { how: 'refused', code, message };
  return { how: 'lost', code, message, retryAfterMs: error.retryAfterMs ?? 0, fromServer: true };
}

/** Return what a WebSocket's close frame means; `error` is the `error` frame before it, if any. */
export function closedByCode(code: number, reason: string, error: ServerError | null): Closed {
  if (code < 4000 || code > 4999) {
    if (error) return closedByServer(error);
    const name = code === TOO_BIG ? 'message_too_big' : 'connection_lost';
    return lost(name, reason || `The connection was closed (${code}).`);
  }
  const name = CLOSE_CODES[code] ?? `close_${code}`;
  return closedByServer(error ?? { code: name, message: reason || name }, code >= 4500);
}

/** Return ms for a number of seconds; 0 for anything else. */
export function secondsToMs(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value * 1000 : 0;
}
