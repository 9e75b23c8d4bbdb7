import type { JobEvent } from './types.js';

/** The cursor that means "from the start". */
export const START = '0';

/** Thrown for a text that is not a cursor. */
export class BadCursor extends Error {
  /** The protocol's code for it. */
  readonly code = 'bad_cursor';
}

const CURSOR = /^(\d{1,19})(?:-([0-9a-f]{8}))?$/;

/**
 * Return the seq of a cursor (`57` or `57-5f1c2a9b`).
 *
 * @throws BadCursor for anything else.
 */
export function seqOf(cursor: string): number {
  const digits = CURSOR.exec(cursor)?.[1];
  if (digits === undefined) throw new BadCursor(`Invalid cursor: ${cursor}`);
  return Number(digits);
}

/** Return the cursor of an event: its seq and the first 8 hex digits of its hash. */
export function cursorOf(event: Pick<JobEvent, 'seq' | 'hash'>): string {
  return `${event.seq}-${event.hash.slice(0, 8)}`;
}
