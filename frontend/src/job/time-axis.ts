/** A time axis: where it ends, and where it has its marks. Pure; everything in seconds. */

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400,
];

/** An end of the axis past `seconds` that stays for a while, so that bars do not shrink all the time. */
export function axisEnd(seconds: number): number {
  const step = tickStep(seconds, 4);
  return Math.ceil((seconds * 1.02) / step) * step;
}

/** The marks from 0 up to `end`, five to nine of them where possible. */
export function axisTicks(end: number): number[] {
  const step = tickStep(end, 8);
  const marks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
  // A mark at the very end would hang over the edge.
  return marks.filter((at) => at <= end * 0.97);
}

function tickStep(seconds: number, most: number): number {
  return (
    STEPS.find((step) => seconds / step <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400
  );
}
