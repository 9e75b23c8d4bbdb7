import { lost } from '../close-reasons.js';
import type { Cancel } from '../platform.js';
import type { Sink, Transport, TransportName } from './transport.js';

/** A transport over HTTP whose code is loaded when it is opened. */
export class LazyTransport implements Transport {
  readonly flowing = true;
  readonly finite: boolean;

  constructor(
    readonly name: TransportName,
    private readonly load: () => Promise<Transport>,
  ) {
    this.finite = name === 'long poll';
  }

  open(cursor: string, sink: Sink): Cancel {
    let close: Cancel | null = null;
    let isOver = false;
    const open = (transport: Transport) => {
      if (!isOver) close = transport.open(cursor, sink);
    };
    const fail = (error: Error) => {
      if (!isOver) sink.closed(lost('network', error.message));
    };
    this.load().then(open, fail);
    return () => {
      isOver = true;
      close?.();
    };
  }
}
