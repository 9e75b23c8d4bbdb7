import type { TransportName } from '../../../src/client';

/** A request as the fake server saw it. */
export interface Seen {
  readonly transport: TransportName;
  readonly after: string;
  readonly wait: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Which request over this transport it is, from 0. */
  readonly nth: number;
}

/** What the server, or something on the way, does to one connection; nothing: all is well. */
export interface Behaviour {
  /** The connection is cut before any answer. */
  readonly refused?: boolean;
  /** The connection is accepted, and then nothing comes. */
  readonly silent?: boolean;
  /** Something on the way holds the answer until it is complete. */
  readonly held?: boolean;
  /** Nothing more comes after that many events, and the connection stays. */
  readonly stallsAfter?: number;
  /** The connection is cut after that many bytes, wherever that is. */
  readonly cutAfter?: number;
  /** Another HTTP answer. */
  readonly answer?: {
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  };
  /** After that many events an `error` frame (or none), then a close code. */
  readonly error?: {
    readonly after?: number;
    readonly code?: string;
    readonly message?: string;
    readonly retry_after_s?: number;
    readonly close: number;
    /** A stream's `retry:` beside it, in ms. */
    readonly retry?: number;
  };
  /** What becomes of the events' seqs on the way: some twice, some not at all. */
  readonly mangle?: (seqs: number[]) => number[];
  /** A finite answer ends after that many events. */
  readonly rotate?: number;
  /** The stream's first `retry:`, in ms. */
  readonly retry?: number;
  /** Members of `hello` that differ. */
  readonly hello?: Readonly<Record<string, unknown>>;
  /** Most events a frame. */
  readonly batch?: number;
}

/** Says what happens to each connection. */
export type Script = (seen: Seen) => Behaviour;

/** What stands in the way of some transports. */
export function blocks(
  ...ways: readonly (readonly [string, 'refused' | 'silent' | 'held'])[]
): Script {
  return ({ transport }) => {
    const way = ways.find(([name]) => name === transport)?.[1];
    return way ? { [way]: true } : {};
  };
}
