/** The end and the ticks of a time axis, in seconds. Pure. */

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400,
];

/** Return an end after `seconds` that stays valid for a while, so that bars do not shrink constantly. */
export function axisEnd(seconds: number): number {
  const step = tickStep(seconds, 4);
  return Math.ceil((seconds * 1.02) / step) * step;
}

/** Return the ticks from 0 to `end`, five to nine if possible. */
export function axisTicks(end: number): number[] {
  const step = tickStep(end, 8);
  const marks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
  // A tick at the very end would overlap the edge.
  return marks.filter((at) => at <= end * 0.97);
}

function tickStep(seconds: number, most: number): number {
  return (
    STEPS.find((step) => seconds / step <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400
  );
}
