import { parseObject } from './json.js';
import type { Frame, JobEvent } from './types.js';

/** Thrown for what the server never sends; the follower then reconnects. */
export class BadFrame extends Error {}

/** The kinds of frames that this version knows. */
export const KINDS: readonly string[] = [
  'hello',
  'events',
  'caught_up',
  'fell_behind',
  'heartbeat',
  'end',
  'error',
];

/** Gives events their exact texts, from the text that they were parsed from. */
export type AddTexts = (events: readonly JobEvent[], text: string) => JobEvent[];

/**
 * Parse a frame; null for a kind that this version does not know.
 *
 * @param addTexts `withTexts`, for events with their exact texts
 * @throws BadFrame for anything but a JSON object with a `kind`
 */
export function parseFrame(text: string, addTexts?: AddTexts): Frame | null {
  const frame = parseObject(text);
  if (typeof frame?.kind !== 'string') throw new BadFrame('Not a frame.');
  if (!KINDS.includes(frame.kind)) return null;
  if (frame.kind !== 'events') return frame as unknown as Frame;
  return { kind: 'events', events: readEvents(frame, text, addTexts) };
}

/** Return the events in `holder`, which was parsed from `text`. */
export function readEvents(
  holder: Readonly<Record<string, unknown>>,
  text: string,
  addTexts?: AddTexts,
): JobEvent[] {
  if (!Array.isArray(holder.events)) throw new BadFrame('Not a frame of events.');
  const events = holder.events.map(checkEvent);
  return addTexts ? addTexts(events, text) : events;
}

/** @throws BadFrame unless a value is an object with a seq and a hash */
export function checkEvent(value: unknown): JobEvent {
  const event = value as Partial<JobEvent> | null;
  if (!Number.isSafeInteger(event?.seq) || typeof event?.hash !== 'string') {
    throw new BadFrame('Not an event.');
  }
  return value as JobEvent;
}
