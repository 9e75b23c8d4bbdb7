import type { Addresses } from '../addresses.js';
import { type Closed, lost } from '../close-reasons.js';
import type { Cancel, Platform } from '../platform.js';
import { BadFrame } from '../wire.js';
import { closedByResponse } from './refusals.js';
import type { Sink, Transport, TransportName } from './transport.js';

/** How a request is authenticated if not by the session cookie. */
export interface HttpOptions {
  /** Sent as `Authorization: Bearer …`; a WebSocket of a browser cannot carry it. */
  readonly token?: string;
  readonly credentials?: RequestCredentials;
}

/** A transport over HTTP requests. */
export abstract class HttpTransport implements Transport {
  readonly flowing = true;

  constructor(
    readonly name: TransportName,
    protected readonly addresses: Addresses,
    protected readonly platform: Platform,
    protected readonly options: HttpOptions & { readonly raw: boolean },
  ) {}

  open(cursor: string, sink: Sink): Cancel {
    const request = new AbortController();
    this.run(cursor, sink, request.signal).catch((error: unknown) => {
      if (!request.signal.aborted) sink.closed(networkFailure(error));
      request.abort();
    });
    return () => request.abort();
  }

  /** Make the requests until everything has come or `signal` is aborted. */
  protected abstract run(cursor: string, sink: Sink, signal: AbortSignal): Promise<void>;

  /**
   * Make a GET request for the first of `types`. Anything but a 200 of one of them is a `closed`: the page
   * of a proxy or a sign-in form must not look like an empty stream.
   */
  protected async fetchAnswer(
    url: string,
    types: readonly [string, ...string[]],
    signal: AbortSignal,
  ): Promise<Answer> {
    const { token, credentials = 'same-origin' } = this.options;
    const headers: Record<string, string> = { Accept: types[0] };
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    const init: RequestInit = { headers, credentials, signal, cache: 'no-store' };
    const response = await this.platform.fetch(url, init);
    const { status } = response;
    if (status === 204) return { status, closed: { how: 'ended' } };
    if (status !== 200) {
      return { status, closed: await closedByResponse(response, this.platform.clock.now()) };
    }
    const type = (response.headers.get('Content-Type') ?? '').split(';', 1)[0]?.trim();
    if (types.includes(type ?? '')) return { response };
    const message = `The answer was ${type || 'of no type'}, not ${types[0]}.`;
    return { status, closed: lost('wrong_type', message) };
  }
}

/** An answer to read, or why there is none. */
type Answer =
  | { readonly response: Response }
  | { readonly closed: Closed; readonly status: number };

/** Return what an exception during a request means: a failure of the network, as far as one can tell. */
function networkFailure(error: unknown): Closed {
  const message = error instanceof Error ? error.message : String(error);
  return lost(error instanceof BadFrame ? 'bad_frame' : 'network', message);
}
