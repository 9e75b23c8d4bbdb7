import type { Closed } from '../close-reasons';
import type { Cancel } from '../platform';
import type { Frame } from '../types';

/** The transports by the names that a page shows, best first. */
export const TRANSPORTS = ['WebSocket', 'SSE', 'octet stream', 'long poll'] as const;

/** What carries the frames. */
export type TransportName = (typeof TRANSPORTS)[number];

/** Where a transport puts what it gets. */
export interface Sink {
  /** A frame; `error` frames become a `closed` instead. */
  frame(frame: Frame): void;
  /** So many bytes came, though perhaps no whole frame yet. */
  alive(bytes?: number): void;
  /** The server set the reconnection time, in ms. */
  retry(ms: number): void;
  /** The connection is over, nothing follows; what is still open is then closed from above. */
  closed(closed: Closed): void;
}

/**
 * One way to get a job's frames. All look the same from above: the follower never asks which one it is
 * using, and somebody may add another by implementing this.
 */
export interface Transport {
  readonly name: TransportName;
  /** Whether a few bytes are seen as soon as they come (`alive`), before there is a whole frame. */
  readonly flowing?: boolean;
  /** Whether its answers end by themselves, so that nothing on the way can hold back what they say. */
  readonly finite?: boolean;
  /** Connect and get what comes after `cursor`. Call the result to close; the sink then gets nothing more. */
  open(cursor: string, sink: Sink): Cancel;
}
