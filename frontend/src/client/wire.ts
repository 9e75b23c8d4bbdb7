import { parseObject } from './json.js';
import type { Frame, JobEvent } from './types.js';

/** Thrown for what the server never sends; the follower then reconnects. */
export class BadFrame extends Error {}

const KINDS: ReadonlySet<unknown> = new Set([
  'hello',
  'events',
  'caught_up',
  'fell_behind',
  'heartbeat',
  'end',
  'error',
]);

/**
 * Parse a frame; null for a kind that this version does not know.
 *
 * @param raw whether each event keeps its exact text
 * @throws BadFrame for anything but a JSON object with a `kind`
 */
export function parseFrame(text: string, raw: boolean): Frame | null {
  const frame = parseObject(text);
  if (typeof frame?.kind !== 'string') throw new BadFrame('Not a frame.');
  if (!KINDS.has(frame.kind)) return null;
  if (frame.kind === 'events') return { kind: 'events', events: readEvents(frame, text, raw) };
  return frame as unknown as Frame;
}

/**
 * Parse a named message of a stream; null for an unknown name.
 *
 * @throws BadFrame if `data` is not a JSON object
 */
export function namedFrame(name: string, data: string): Frame | null {
  const members = parseObject(data);
  if (!members) throw new BadFrame(`A ${name} that is no JSON object.`);
  return KINDS.has(name) && name !== 'events' ? ({ ...members, kind: name } as Frame) : null;
}

/**
 * Parse an event.
 *
 * @throws BadFrame for anything but a JSON object with a seq and a hash
 */
export function parseEvent(text: string, raw: boolean): JobEvent {
  const event = checkEvent(parseObject(text));
  return raw ? { ...event, raw: text } : event;
}

/** Return the events in `holder`, which was parsed from `text`. */
export function readEvents(
  holder: Readonly<Record<string, unknown>>,
  text: string,
  raw: boolean,
): JobEvent[] {
  const events = holder.events;
  if (!Array.isArray(events)) throw new BadFrame('A frame without events.');
  if (!raw) return events.map(checkEvent);
  const texts = eventTexts(text);
  return events.map((event, at) => ({ ...checkEvent(event), raw: texts[at] ?? '' }));
}

function checkEvent(value: unknown): JobEvent {
  const event = value as Partial<JobEvent> | null;
  if (!Number.isSafeInteger(event?.seq) || typeof event?.hash !== 'string') {
    throw new BadFrame('Not an event.');
  }
  return value as JobEvent;
}

const OPEN = '{[';
const CLOSE = '}]';

/**
 * Return the exact texts of the objects in the member `events` of a JSON object. Parsing and writing
 * them again would not give the same bytes.
 */
export function eventTexts(text: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = -1;
  let within = false;
  let key = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      const end = endOfString(text, at);
      if (depth === 1) key = text.slice(at + 1, end);
      at = end;
    } else if (OPEN.includes(char)) {
      if (depth === 1) within = char === '[' && key === 'events';
      if (depth === 2 && within) start = at;
      depth += 1;
    } else if (CLOSE.includes(char)) {
      depth -= 1;
      if (depth === 2 && within) texts.push(text.slice(start, at + 1));
    }
  }
  return texts;
}

function endOfString(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}
