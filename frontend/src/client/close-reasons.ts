import { parseObject } from './json';

/** Why a connection is over, and what that means for the next one. */
export type Closed =
  /** Nothing will come any more (204), though no `end` was seen. */
  | { readonly how: 'ended' }
  /** A finite answer came to its regular end: go on at once. */
  | { readonly how: 'rotated' }
  /** Come back with the cursor. */
  | Lost
  /** Do not come back. */
  | { readonly how: 'refused'; readonly code: string; readonly message: string };

/** A connection that is to be made again, after `retryAfterMs` at least. */
export interface Lost {
  readonly how: 'lost';
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number;
  /** The server itself said so: it can be reached over this transport, then. */
  readonly fromServer: boolean;
}

/** Codes after which coming back with the same cursor makes no sense. */
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

/** What a close code means where no `error` frame came before it. */
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

/** RFC 6455's code for a message that is larger than somebody on the way takes. */
const TOO_BIG = 1009;

/** HTTP statuses in the 400s after which the same request may well succeed. */
const RETRYABLE: ReadonlySet<number> = new Set([408, 425, 429]);

/** A server's words about why it closes: an `error` frame, a problem document. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Return a loss that the network, a proxy or silence caused. */
export function lost(code: string, message: string): Lost {
  return { how: 'lost', code, message, retryAfterMs: 0, fromServer: false };
}

/** Return what the server's own words mean. */
export function closedByServer(words: ServerError, final = FINAL.has(words.code)): Closed {
  const { code, message } = words;
  if (final) return { how: 'refused', code, message };
  return { how: 'lost', code, message, retryAfterMs: words.retryAfterMs ?? 0, fromServer: true };
}

/** Return what a WebSocket's close frame means, `words` being the `error` frame before it, if any. */
export function closedByCode(code: number, reason: string, words: ServerError | null): Closed {
  if (code < 4000 || code > 4999) {
    if (words) return closedByServer(words);
    const name = code === TOO_BIG ? 'message_too_big' : 'connection_lost';
    return lost(name, reason || `The connection was closed (${code}).`);
  }
  const name = CLOSE_CODES[code] ?? `close_${code}`;
  return closedByServer(words ?? { code: name, message: reason || name }, code >= 4500);
}

/**
 * Return what an HTTP answer other than 200 and 204 means. Only an `application/problem+json` with a
 * `code` is the server's word; anything else may come from a proxy, which the next transport may pass.
 */
export async function closedByResponse(response: Response, now: number): Promise<Closed> {
  const { status } = response;
  const problem = await readProblem(response);
  // A moment is the sender's: its clock says how far away that is, this machine's may be hours off.
  const said = Date.parse(response.headers.get('Date') ?? '');
  const header = retryAfter(response.headers.get('Retry-After'), Number.isNaN(said) ? now : said);
  if (problem === null) {
    return { ...lost('http_error', `The answer was HTTP ${status}.`), retryAfterMs: header };
  }
  const retryAfterMs = Math.max(header, problem.retryAfterMs);
  const final = status < 500 && !RETRYABLE.has(status);
  return closedByServer({ ...problem, retryAfterMs }, final);
}

async function readProblem(response: Response): Promise<Required<ServerError> | null> {
  if (!(response.headers.get('Content-Type') ?? '').includes('json')) return null;
  const text = await response.text();
  const body = parseObject(text);
  if (typeof body?.code !== 'string') return null;
  const message = body.detail ?? body.title ?? body.code;
  return {
    code: body.code,
    message: String(message),
    retryAfterMs: secondsToMs(body.retry_after_s),
  };
}

/** Return ms for a JSON member in seconds; 0 where it is no positive number. */
export function secondsToMs(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value * 1000 : 0;
}

function retryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
