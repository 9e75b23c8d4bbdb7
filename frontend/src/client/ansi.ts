/**
 * Text styles, set by SGR sequences and shown by class names. There is no markup and no inline style, so
 * a program's output cannot affect the page.
 */

/** Red, green and blue, 0 to 255 each. */
type Rgb = readonly [number, number, number];

/** The names of the sixteen colours: `red`, `bright-red` … */
export type Colour = (typeof COLOURS)[number];

// In full: a bundler can leave out what is not computed.
const COLOURS = [
  'black',
  'red',
  'green',
  'yellow',
  'blue',
  'magenta',
  'cyan',
  'white',
  'bright-black',
  'bright-red',
  'bright-green',
  'bright-yellow',
  'bright-blue',
  'bright-magenta',
  'bright-cyan',
  'bright-white',
] as const;
const MARKS = ['bold', 'dim', 'italic', 'underline', 'strike'] as const;

/** A text style. A colour is an index of xterm's 256, or an RGB value; null is the page's own. */
export interface Style {
  readonly fg: number | Rgb | null;
  readonly bg: number | Rgb | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  /** Whether the two colours are swapped. */
  readonly inverse: boolean;
}

/** The default style. */
export const PLAIN: Style = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

/** Return the class names of a style, e.g. `ansi-red ansi-bold`; other colours become the nearest of the sixteen. */
export function classesOf(style: Style): string {
  if (style === PLAIN) return '';
  const names: string[] = [];
  const [fg, bg] = [colourName(style.fg), colourName(style.bg)];
  // Background colours are pale, so that default text is readable on all of them.
  const [ink, ground] = style.inverse ? [bg, fg ?? 'text'] : [fg, bg];
  if (ink) names.push(`ansi-${ink}`);
  if (ground) names.push(`ansi-bg-${ground}`);
  for (const mark of MARKS) if (style[mark]) names.push(`ansi-${mark}`);
  return names.join(' ');
}

/** Return the style after the parameters of an SGR sequence, e.g. `1;31` or `38:2::255:0:0`. */
export function applySgr(style: Style, parameters: string): Style {
  let next = style;
  const codes = parameters.split(';');
  for (let at = 0; at < codes.length; at += 1) {
    const parts = (codes[at] ?? '').split(':').map(Number);
    const code = parts[0] ?? 0;
    const colour = COLOUR_OF[code];
    if (colour !== undefined) {
      const inline = parts.length > 1;
      const rest = inline ? parts.slice(1) : codes.slice(at + 1).map(Number);
      const found = extendedColour(rest, inline);
      if (!inline) at += found.used;
      if (colour && found.colour !== null) next = { ...next, [colour]: found.colour };
    } else if (code === 4 && parts[1] === 0) {
      next = { ...next, underline: false };
    } else {
      next = code === 0 ? PLAIN : { ...next, ...(SIMPLE.get(code) ?? basicColour(code)) };
    }
  }
  return next;
}

/** Codes that begin a colour of several parameters; that of underlines is parsed but not shown. */
const COLOUR_OF: Readonly<Record<number, 'fg' | 'bg' | null>> = { 38: 'fg', 48: 'bg', 58: null };

const SIMPLE: ReadonlyMap<number, Partial<Style>> = new Map<number, Partial<Style>>([
  [1, { bold: true }],
  [2, { dim: true }],
  [3, { italic: true }],
  [4, { underline: true }],
  [7, { inverse: true }],
  [9, { strike: true }],
  [21, { underline: true }],
  [22, { bold: false, dim: false }],
  [23, { italic: false }],
  [24, { underline: false }],
  [27, { inverse: false }],
  [29, { strike: false }],
  [39, { fg: null }],
  [49, { bg: null }],
]);

/** 30–37, 40–47, 90–97, 100–107: the sixteen colours. */
function basicColour(code: number): Partial<Style> {
  const bright = code >= 90;
  const tens = Math.floor(bright ? (code - 60) / 10 : code / 10);
  const hue = code % 10;
  if (hue > 7 || (tens !== 3 && tens !== 4)) return {};
  return { [tens === 3 ? 'fg' : 'bg']: bright ? hue + 8 : hue };
}

/** Parse what follows 38, 48 or 58: `5;n` or `2;r;g;b`; with colons, a colour space may precede r. */
function extendedColour(
  rest: readonly number[],
  inline: boolean,
): { readonly colour: number | Rgb | null; readonly used: number } {
  if (rest[0] === 5) {
    const index = rest[1] ?? -1;
    return { colour: xterm(index) === null ? null : index, used: 2 };
  }
  if (rest[0] !== 2) return { colour: null, used: 0 };
  const from = inline && rest.length > 4 ? 2 : 1;
  const [r = -1, g = -1, b = -1] = rest.slice(from, from + 3);
  const valid = [r, g, b].every((value) => value >= 0 && value <= 255);
  return { colour: valid ? [r, g, b] : null, used: 4 };
}

/** The name of the nearest of the sixteen colours. */
function colourName(colour: number | Rgb | null): Colour | null {
  if (colour === null) return null;
  const meant = typeof colour === 'number' ? xterm(colour) : colour;
  if (meant === null) return null;
  return COLOURS[typeof meant === 'number' ? meant : nearest(meant)] ?? null;
}

/** xterm's sixteen colours. */
const SIXTEEN: readonly Rgb[] = [
  [0, 0, 0],
  [205, 0, 0],
  [0, 205, 0],
  [205, 205, 0],
  [0, 0, 238],
  [205, 0, 205],
  [0, 205, 205],
  [229, 229, 229],
  [127, 127, 127],
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
  [92, 92, 255],
  [255, 0, 255],
  [0, 255, 255],
  [255, 255, 255],
];

/** The six levels of xterm's colour cube. */
const LEVELS = [0, 95, 135, 175, 215, 255] as const;

/**
 * Return what an index of the 256 colours stands for: one of the sixteen (its index), a colour, or null
 * for no index.
 */
function xterm(index: number): Rgb | number | null {
  if (!Number.isInteger(index) || index < 0 || index > 255) return null;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (value: number) => LEVELS[value % 6] ?? 0;
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6)), level(cube)];
}

/** Return the index of the nearest of the sixteen colours. */
function nearest([r, g, b]: Rgb): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, [red, green, blue]] of SIXTEEN.entries()) {
    const distance = (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2;
    if (distance < least) {
      least = distance;
      best = index;
    }
  }
  return best;
}
