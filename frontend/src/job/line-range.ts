/** Lines named by an address: `812.3`, and `812.3-815` for all from one to another. */

import { lineName } from '../client';
import type { LogLine } from './log-lines';

/** The first and the last line that are marked, by index. */
export type LineRange = readonly [number, number];

/** Return which lines a name stands for; null where it names none that is there. */
export function parseLineRange(name: string, lines: readonly LogLine[]): LineRange | null {
  const [first = '', last = first] = name.split('-');
  const ends = [indexOfLine(first, lines), indexOfLine(last, lines)];
  if (ends.some((index) => index === null)) return null;
  const [from = 0, to = 0] = (ends as number[]).sort((a, b) => a - b);
  return [from, to];
}

/** Return the name of lines, from one to another in whichever order. */
export function formatLineRange(lines: readonly LogLine[], one: number, other: number): string {
  const [from, to] = [lines[Math.min(one, other)], lines[Math.max(one, other)]];
  if (!from || !to) return '';
  return from === to ? lineName(from) : `${lineName(from)}-${lineName(to)}`;
}

/** Lines stand in the order of their names. */
function indexOfLine(name: string, lines: readonly LogLine[]): number | null {
  const [seq = 0, part = 1] = name.split('.').map(Number);
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const line = lines[middle];
    if (line && (line.seq < seq || (line.seq === seq && line.part < part))) low = middle + 1;
    else high = middle;
  }
  const found = lines[low];
  return found?.seq === seq && found.part === part ? low : null;
}
