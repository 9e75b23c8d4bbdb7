/** The next thing in a text that is not to be shown, from `start` to `end`. */
export interface Cut {
  /** The text's length where there is none. */
  readonly start: number;
  readonly end: number;
  /** The parameters of an SGR sequence; null for anything else. */
  readonly sgr: string | null;
  /** The text ends within the sequence: the next chunk may complete it. */
  readonly unfinished: boolean;
}

const ESC = 0x1b;
const CSI = 0x9b;
const BEL = 0x07;
const ST = 0x9c;
const SHOWN_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);
/** After ESC: what begins a string that goes on to ST (OSC also to BEL). */
const STRINGS: ReadonlySet<string> = new Set([']', 'P', 'X', '^', '_']);
/** A longer unfinished sequence is none: better to show its rest than to swallow the output. */
const LONGEST = 4096;

/** Return the next escape sequence or control character of `text` at or after `from` (ECMA-48). */
export function escapeAt(text: string, from: number): Cut {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === ESC) return escapeSequence(text, at);
    if (code === CSI) return controlSequence(text, at, at + 1);
    if (hidden(code)) return { start: at, end: at + 1, sgr: null, unfinished: false };
  }
  return { start: text.length, end: text.length, sgr: null, unfinished: false };
}

function hidden(code: number): boolean {
  if (code < 0x20) return !SHOWN_CONTROLS.has(code);
  return code >= 0x7f && code < 0xa0;
}

function escapeSequence(text: string, start: number): Cut {
  const next = text.charAt(start + 1);
  if (next === '') return unfinished(text, start);
  if (next === '[') return controlSequence(text, start, start + 2);
  if (STRINGS.has(next)) return controlString(text, start);
  // Intermediate bytes, then a final one: ESC ( B and the like.
  let at = start + 1;
  while (within(text, at, 0x20, 0x2f)) at += 1;
  if (at === text.length) return unfinished(text, start);
  return { start, end: within(text, at, 0x30, 0x7e) ? at + 1 : at, sgr: null, unfinished: false };
}

/** A control sequence: parameter bytes, intermediate bytes, a final byte. */
function controlSequence(text: string, start: number, first: number): Cut {
  let at = first;
  while (within(text, at, 0x30, 0x3f)) at += 1;
  const parameters = text.slice(first, at);
  const plain = at;
  while (within(text, at, 0x20, 0x2f)) at += 1;
  if (at === text.length) return unfinished(text, start);
  if (!within(text, at, 0x40, 0x7e)) return { start, end: at, sgr: null, unfinished: false };
  const sgr = text.charAt(at) === 'm' && at === plain && /^[\d;:]*$/.test(parameters);
  return { start, end: at + 1, sgr: sgr ? parameters : null, unfinished: false };
}

/** A string of any characters up to its terminator; a title, a link. */
function controlString(text: string, start: number): Cut {
  for (let at = start + 2; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BEL || code === ST) return { start, end: at + 1, sgr: null, unfinished: false };
    if (code === ESC && at + 1 < text.length) {
      const end = text.charAt(at + 1) === '\\' ? at + 2 : at;
      return { start, end, sgr: null, unfinished: false };
    }
  }
  return unfinished(text, start);
}

function unfinished(text: string, start: number): Cut {
  const given = text.length - start > LONGEST;
  return { start, end: given ? start + 2 : text.length, sgr: null, unfinished: !given };
}

function within(text: string, at: number, low: number, high: number): boolean {
  const code = text.charCodeAt(at);
  return code >= low && code <= high;
}
