import { closedByCode, lost, type ServerError, secondsToMs } from '../close-reasons.js';
import type { JobAddress } from '../job-address.js';
import { loadFallback } from '../load-fallback.js';
import type { Cancel, Platform, SocketLike } from '../platform.js';
import type { ErrorFrame } from '../types.js';
import { type AddTexts, BadFrame, parseFrame } from '../wire.js';
import { openLater } from './later.js';
import type { Sink, Transport } from './transport.js';

/** Return the transport by text messages of the WebSocket `/ws/jobs/<id>/`. */
export function webSocketTransport(
  address: JobAddress,
  Socket: NonNullable<Platform['WebSocket']>,
  raw: boolean,
): Transport {
  return {
    name: 'WebSocket',
    open: (cursor, sink) =>
      openLater(sink, 'connect_failed', async () => {
        const addTexts = raw ? (await loadFallback()).withTexts : undefined;
        const url = await address.webSocket(cursor);
        return () => openSocket(new Socket(url), sink, addTexts);
      }),
  };
}

function openSocket(socket: SocketLike, sink: Sink, addTexts?: AddTexts): Cancel {
  let words: ServerError | null = null;
  socket.onmessage = ({ data }) => {
    try {
      const frame = typeof data === 'string' ? parseFrame(data, addTexts) : null;
      // The close frame after an error says whether to reconnect.
      if (frame?.kind === 'error') words = errorOf(frame);
      else if (frame) sink.frame(frame);
      else sink.alive();
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      sink.closed(lost('bad_frame', error.message));
    }
  };
  // A close event follows every error and says more; Node's `ws` throws errors without a handler.
  socket.onerror = () => undefined;
  socket.onclose = ({ code, reason }) => sink.closed(closedByCode(code, reason, words));
  return () => closeSocket(socket);
}

/** Close a socket and ignore its further events. */
export function closeSocket(socket: SocketLike): void {
  socket.onmessage = null;
  socket.onclose = null;
  socket.close(1000);
}

/** Return the error of an `error` frame. */
export function errorOf(frame: Omit<ErrorFrame, 'kind'>): ServerError {
  const { code, message } = frame;
  return { code, message, retryAfterMs: secondsToMs(frame.retry_after_s) };
}
