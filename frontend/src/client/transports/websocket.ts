import type { Addresses } from '../addresses.js';
import { closedByCode, lost, type ServerError, secondsToMs } from '../close-reasons.js';
import type { Cancel, Platform, SocketLike } from '../platform.js';
import type { ErrorFrame } from '../types.js';
import { BadFrame, parseFrame } from '../wire.js';
import type { Sink, Transport } from './transport.js';

/** Frames as text messages of the WebSocket `/ws/jobs/<id>/`. */
export class WebSocketTransport implements Transport {
  readonly name = 'WebSocket';

  constructor(
    private readonly addresses: Addresses,
    private readonly socket: NonNullable<Platform['WebSocket']>,
    private readonly raw: boolean,
  ) {}

  open(cursor: string, sink: Sink): Cancel {
    let socket: SocketLike | null = null;
    let over = false;
    const start = (url: string) => {
      if (over) return;
      socket = new this.socket(url);
      attachHandlers(socket, sink, this.raw);
    };
    this.addresses
      .webSocket(cursor)
      .then(start)
      .catch((error: Error) => sink.closed(lost('connect_failed', error.message)));
    return () => {
      over = true;
      if (socket) closeSocket(socket);
    };
  }
}

function attachHandlers(socket: SocketLike, sink: Sink, raw: boolean): void {
  let words: ServerError | null = null;
  socket.onmessage = ({ data }) => {
    try {
      const frame = typeof data === 'string' ? parseFrame(data, raw) : null;
      // The close frame after an error says whether to reconnect.
      if (frame?.kind === 'error') words = errorOf(frame);
      else if (frame) sink.frame(frame);
      else sink.alive();
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      closeSocket(socket);
      sink.closed(lost('bad_frame', error.message));
    }
  };
  // A close event follows every error and says more; Node's `ws` throws errors without a handler.
  socket.onerror = () => undefined;
  socket.onclose = ({ code, reason }) => sink.closed(closedByCode(code, reason, words));
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
