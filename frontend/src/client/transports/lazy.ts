import { type Fallback, loadFallback } from '../load-fallback.js';
import { openLater } from './later.js';
import type { Transport, TransportName } from './transport.js';

/** Return a transport over HTTP whose code is loaded when it is opened. */
export function lazyTransport(
  name: TransportName,
  create: (fallback: Fallback) => Transport,
): Transport {
  return {
    name,
    flowing: true,
    finite: name === 'long poll',
    open: (cursor, sink) =>
      openLater(sink, 'network', async () => {
        const transport = create(await loadFallback());
        return () => transport.open(cursor, sink);
      }),
  };
}
