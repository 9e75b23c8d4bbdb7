import { type Closed, closedByResponse, lost } from '../close-reasons';
import type { Platform } from '../platform';
import { BadFrame } from '../wire';

/** How a request is authenticated, where not by the session cookie. */
export interface HttpOptions {
  /** Sent as `Authorization: Bearer …`; a WebSocket of a browser cannot carry it. */
  readonly token?: string;
  readonly credentials?: RequestCredentials;
}

/** An answer to read, or why there is none. */
export type Answer =
  | { readonly response: Response }
  | { readonly closed: Closed; readonly status: number };

/**
 * Make one GET request for the first of `types`. Anything but a 200 of one of them is a `closed`: what
 * looks like success but is a page (a proxy's, a sign-in form's) must not be taken for an empty stream.
 */
export async function fetchAnswer(
  url: string,
  types: readonly [string, ...string[]],
  signal: AbortSignal,
  platform: Platform,
  options: HttpOptions,
): Promise<Answer> {
  const headers: Record<string, string> = { Accept: types[0] };
  if (options.token !== undefined) headers.Authorization = `Bearer ${options.token}`;
  const credentials = options.credentials ?? 'same-origin';
  const response = await platform.fetch(url, { headers, credentials, signal, cache: 'no-store' });
  const { status } = response;
  if (status === 204) return { status, closed: { how: 'ended' } };
  if (status !== 200)
    return { status, closed: await closedByResponse(response, platform.clock.now()) };
  const type = (response.headers.get('Content-Type') ?? '').split(';', 1)[0]?.trim();
  if (types.includes(type ?? '')) return { response };
  const message = `The answer was ${type || 'of no type'}, not ${types[0]}.`;
  return { status, closed: lost('wrong_type', message) };
}

/** Return what an exception while fetching or reading means: the network's fault as far as can be seen. */
export function networkFailure(error: unknown): Closed {
  const message = error instanceof Error ? error.message : String(error);
  return lost(error instanceof BadFrame ? 'bad_frame' : 'network', message);
}
