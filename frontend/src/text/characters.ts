/**
 * Characters that are not visible, or that change how others are read. `core/terminal/characters.py` is
 * the twin of this; `tests/support/characters/cases.json` holds both to the same cases.
 */

/** Letters and marks without a shape, joiners and variation selectors. */
const SHAPELESS =
  '\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u3164\\uffa0\\u180b-\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}';
/** Formats that have a shape: signs around Arabic, Syriac and Kaithi numbers. */
const VISIBLE = '\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}';
const CANDIDATE = `(?![\\t\\n${VISIBLE}])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}${SHAPELESS}]`;
const CANDIDATES = new RegExp(CANDIDATE, 'gu');
const IS_CANDIDATE = new RegExp(CANDIDATE, 'u');
const JOINER = /[\u180b-\u180f\u200c]|\u200d/u;
const ZERO_WIDTH_JOINER = '\u200d';
const EMOJI_SELECTOR = '\ufe0f';
const SELECTOR = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const PRESENTATION = /[\ufe0e\ufe0f]/u;
const KEYCAP = '\u20e3';
/** Letters and marks of scripts that are written with joiners: Arabic, Indic, Khmer, Mongolian. */
const JOINING = /(?=[\u0600-\u109f\u1780-\u18af\u{11000}-\u{11fff}])[\p{L}\p{M}]/u;
const EMOJI =
  /\p{So}|(?=[\u2190-\u{10ffff}])\p{Sm}|[\u203c\u2049\u2139\u3030\u303d]|(?=[\u{1f3fb}-\u{1f3ff}])\p{Sk}/u;
const IDEOGRAPH = /(?=[\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}])\p{Lo}/u;

/** A part of a text: as it is, or a hidden character written out. */
export interface TextPart {
  readonly text: string;
  readonly hidden: boolean;
}

/** Return a text in which what is hidden is written out, e.g. `<U+202E>`; tabs and newlines stay. */
export function reveal(text: string): string {
  if (!IS_CANDIDATE.test(text)) return text;
  return revealParts(text)
    .map((part) => part.text)
    .join('');
}

/** Return JSON text in which what is hidden is escaped, e.g. `\\u202e`: it means the same. */
export function revealJson(text: string): string {
  return revealParts(text, jsonEscape)
    .map((part) => part.text)
    .join('');
}

/** Return the same in parts. */
export function revealParts(text: string, write = token): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const { 0: character, index: at } of text.matchAll(CANDIDATES)) {
    const before = lastCharacter(text.slice(Math.max(0, at - 2), at));
    const after = String.fromCodePoint(text.codePointAt(at + character.length) ?? 0);
    if (isInPlace(character, before, after)) continue;
    parts.push({ text: text.slice(from, at), hidden: false });
    parts.push({ text: write(character), hidden: true });
    from = at + character.length;
  }
  return [...parts, { text: text.slice(from), hidden: false }];
}

function token(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

function jsonEscape(character: string): string {
  const units = [...Array(character.length).keys()].map((at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function lastCharacter(text: string): string {
  return [...text].at(-1) ?? '';
}

/** Whether a character belongs between these two. */
function isInPlace(character: string, before: string, after: string): boolean {
  if (JOINER.test(character) && JOINING.test(before) && !IS_CANDIDATE.test(before)) return true;
  if (character === ZERO_WIDTH_JOINER) {
    return (EMOJI.test(before) || before === EMOJI_SELECTOR) && EMOJI.test(after);
  }
  if (!SELECTOR.test(character)) return false;
  const isPresentation = PRESENTATION.test(character);
  if (isPresentation && /[0-9#*]/.test(before)) return after === KEYCAP;
  return IDEOGRAPH.test(before) || (isPresentation && EMOJI.test(before));
}
