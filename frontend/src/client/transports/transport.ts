import type { Closed } from '../close-reasons.js';
import type { Cancel } from '../platform.js';
import type { Frame } from '../types.js';

/** The transports by their names, best first. */
export const TRANSPORTS = ['WebSocket', 'SSE', 'octet stream', 'long poll'] as const;

/** The name of a transport. */
export type TransportName = (typeof TRANSPORTS)[number];

/** Receives what a transport gets. */
export interface Sink {
  /** A frame; an `error` frame becomes a `closed`. */
  frame(frame: Frame): void;
  /** Bytes arrived, which may be part of a frame. */
  alive(bytes?: number): void;
  /** The server set the reconnection time, in ms. */
  retry(ms: number): void;
  /** The connection ended; the owner then closes what is still open. */
  closed(closed: Closed): void;
}

/** A way to get a job's frames. The follower does not depend on which one it uses; others can be added. */
export interface Transport {
  readonly name: TransportName;
  /** Whether `alive` reports bytes before a frame is complete. */
  readonly flowing?: boolean;
  /** Whether its answers end by themselves, so that no proxy can hold them back. */
  readonly finite?: boolean;
  /** Connect for events after `cursor`. The result closes; the sink then gets nothing more. */
  open(cursor: string, sink: Sink): Cancel;
}
