/** Red, green and blue, 0 to 255 each. */
export type Rgb = readonly [number, number, number];

/** xterm's sixteen colours, which the others are measured against. */
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
export function xterm(index: number): Rgb | number | null {
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
export function nearest([r, g, b]: Rgb): number {
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
