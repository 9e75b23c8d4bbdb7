/**
 * ANSI colours as class names: escape sequences in, segments of plain text out. Nothing here is markup
 * and nothing is an inline style, so what a program prints can do no more to a page than be read.
 */

import { type Cut, escapeAt } from './escapes';
import { nearest, type Rgb, xterm } from './palette';

/** The sixteen colours' names, in their order: `red`, `bright-red` … */
export type Colour = (typeof COLOURS)[number];

const HUES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const COLOURS = [...HUES, ...HUES.map((hue) => `bright-${hue}` as const)] as const;

/** How text looks; null colours are the page's own. */
export interface Style {
  readonly fg: Colour | null;
  readonly bg: Colour | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
}

/** What one chunk of output leaves for the next: the style, and a sequence that is not complete yet. */
export interface AnsiState {
  readonly style: Style;
  readonly pending: string;
}

/** A stretch of text in one style. `classes` is `''` or e.g. `ansi-red ansi-bg-blue ansi-bold`. */
export interface Segment {
  readonly text: string;
  readonly classes: string;
}

const PLAIN_STYLE: Style = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
};

/** Before any output. */
export const PLAIN: AnsiState = { style: PLAIN_STYLE, pending: '' };

/**
 * Return a chunk's text in segments, and the state for the chunk that follows. SGR sequences set the
 * style (256 colours and true colour become the nearest of the sixteen), every other sequence and
 * control character is dropped but tab, newline and carriage return.
 */
export function parseAnsi(
  chunk: string,
  state: AnsiState = PLAIN,
): { readonly segments: Segment[]; readonly state: AnsiState } {
  const text = state.pending + chunk;
  const segments: Segment[] = [];
  let { style } = state;
  let run = '';
  const flush = () => {
    if (run !== '') segments.push({ text: run, classes: classesOf(style) });
    run = '';
  };
  for (let at = 0; at < text.length; ) {
    const cut: Cut = escapeAt(text, at);
    run += text.slice(at, cut.start);
    if (cut.unfinished) {
      flush();
      return { segments, state: { style, pending: text.slice(cut.start) } };
    }
    if (cut.sgr !== null) {
      flush();
      style = styled(style, cut.sgr);
    }
    at = cut.end;
  }
  flush();
  return { segments, state: { style, pending: '' } };
}

/** Return the class names of a style, `''` for plain text. */
export function classesOf(style: Style): string {
  const names: string[] = [];
  if (style.fg) names.push(`ansi-${style.fg}`);
  if (style.bg) names.push(`ansi-bg-${style.bg}`);
  for (const name of ['bold', 'dim', 'italic', 'underline'] as const) {
    if (style[name]) names.push(`ansi-${name}`);
  }
  return names.join(' ');
}

/** Return a text without its escape sequences, for searching and copying. */
export function stripAnsi(text: string): string {
  return parseAnsi(text)
    .segments.map((segment) => segment.text)
    .join('');
}

const SIMPLE: ReadonlyMap<number, Partial<Style>> = new Map<number, Partial<Style>>([
  [0, PLAIN_STYLE],
  [1, { bold: true }],
  [2, { dim: true }],
  [3, { italic: true }],
  [4, { underline: true }],
  [21, { underline: true }],
  [22, { bold: false, dim: false }],
  [23, { italic: false }],
  [24, { underline: false }],
  [39, { fg: null }],
  [49, { bg: null }],
]);

/** Return the style after the parameters of one SGR sequence, e.g. `1;31` or `38:2::255:0:0`. */
function styled(style: Style, parameters: string): Style {
  let next = style;
  const codes = parameters.split(';');
  for (let at = 0; at < codes.length; at += 1) {
    const parts = (codes[at] ?? '').split(':').map(Number);
    const code = parts[0] ?? 0;
    if (code === 38 || code === 48) {
      const inline = parts.length > 1;
      const rest = inline ? parts.slice(1) : codes.slice(at + 1).map(Number);
      const { colour, used } = extended(rest, inline);
      if (!inline) at += used;
      if (colour) next = { ...next, [code === 38 ? 'fg' : 'bg']: colour };
    } else if (code === 4 && parts[1] === 0) {
      next = { ...next, underline: false };
    } else {
      next = { ...next, ...(SIMPLE.get(code) ?? basic(code)) };
    }
  }
  return next;
}

/** 30–37, 40–47, 90–97, 100–107: the sixteen themselves. */
function basic(code: number): Partial<Style> {
  const bright = code >= 90 ? 8 : 0;
  const tens = Math.floor(bright ? (code - 60) / 10 : code / 10);
  const hue = code % 10;
  const colour = hue < 8 ? COLOURS[hue + bright] : undefined;
  if (colour === undefined) return {};
  if (tens === 3) return { fg: colour };
  return tens === 4 ? { bg: colour } : {};
}

/** What follows 38 or 48: `5;n` or `2;r;g;b`; with colons there may be a colour space before r. */
function extended(
  rest: readonly number[],
  inline: boolean,
): { readonly colour: Colour | null; readonly used: number } {
  if (rest[0] === 5) return { colour: named(xterm(rest[1] ?? -1)), used: 2 };
  if (rest[0] !== 2) return { colour: null, used: 0 };
  const from = inline && rest.length > 4 ? 2 : 1;
  const [r = -1, g = -1, b = -1] = rest.slice(from, from + 3);
  const valid = [r, g, b].every((value) => value >= 0 && value <= 255);
  return { colour: valid ? named([r, g, b]) : null, used: 4 };
}

function named(rgb: Rgb | number | null): Colour | null {
  if (rgb === null) return null;
  return COLOURS[typeof rgb === 'number' ? rgb : nearest(rgb)] ?? null;
}
