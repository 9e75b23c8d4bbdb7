import {
  type Closed,
  closedByServer,
  FINAL,
  lost,
  type ServerError,
  secondsToMs,
} from '../close-reasons.js';
import { parseObject } from '../json.js';

/** Statuses in the 400s after which the same request may succeed. */
const RETRYABLE: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Return what an HTTP answer other than 200 and 204 means. Only JSON with a `code` is from the server;
 * anything else may be from a proxy, which the next transport may get through.
 */
export async function closedByResponse(response: Response, now: number): Promise<Closed> {
  const { status } = response;
  const problem = await readProblem(response);
  // An absolute time is relative to the sender's clock; this machine's may be hours off.
  const sent = Date.parse(response.headers.get('Date') ?? '');
  const header = retryAfter(response.headers.get('Retry-After'), Number.isNaN(sent) ? now : sent);
  if (problem === null) {
    return { ...lost('http_error', `The answer was HTTP ${status}.`), retryAfterMs: header };
  }
  const retryAfterMs = Math.max(header, problem.retryAfterMs);
  const final = status < 500 && !RETRYABLE.has(status);
  return closedByServer({ ...problem, retryAfterMs }, final ? FINAL : 0);
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

function retryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
