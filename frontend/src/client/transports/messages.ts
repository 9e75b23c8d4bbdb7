import { parseObject } from '../json.js';
import type { Frame, JobEvent } from '../types.js';
import { BadFrame, checkEvent, KINDS } from '../wire.js';

/**
 * Parse a named message of a stream; null for an unknown name.
 *
 * @throws BadFrame if `data` is not a JSON object
 */
export function namedFrame(name: string, data: string): Frame | null {
  const members = parseObject(data);
  if (!members) throw new BadFrame(`A ${name} that is no JSON object.`);
  return KINDS.includes(name) && name !== 'events' ? ({ ...members, kind: name } as Frame) : null;
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
