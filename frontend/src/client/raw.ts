import type { JobEvent } from './types.js';

/** The strings and brackets of a JSON text: what is within a string is no bracket. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g;

/**
 * Return the exact texts of the objects in the member `events` of a JSON object. Parsing and writing
 * them again would not give the same bytes.
 */
export function eventTexts(text: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = 0;
  let key = '';
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    const isWithin = depth > 1 && key === '"events"';
    if (token === '{' || token === '[') {
      if (depth === 2) start = index;
      depth += 1;
    } else if (token === '}' || token === ']') {
      depth -= 1;
      if (depth === 2 && isWithin) texts.push(text.slice(start, index + 1));
    } else if (depth === 1) key = token;
  }
  return texts;
}

/** Give each event its exact text; `text` is what they were parsed from. */
export function withTexts(events: readonly JobEvent[], text: string): JobEvent[] {
  const texts = eventTexts(text);
  return events.map((event, at) => ({ ...event, raw: texts[at] ?? '' }));
}
