import { lost } from '../close-reasons.js';
import type { Cancel } from '../platform.js';
import type { Sink } from './transport.js';

/**
 * Open a connection once `prepare` has what it takes; the result closes it, or keeps it from being opened.
 *
 * @param code of the loss if `prepare` or what it returns fails
 */
export function openLater(sink: Sink, code: string, prepare: () => Promise<() => Cancel>): Cancel {
  let close: Cancel | null = null;
  let isOver = false;
  prepare()
    .then((open) => {
      if (!isOver) close = open();
    })
    .catch((error: Error) => sink.closed(lost(code, error.message)));
  return () => {
    isOver = true;
    close?.();
  };
}
