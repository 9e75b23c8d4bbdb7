/** How long a run still takes, judged by the targets that are through. */

import type { RowGroup, TargetRow } from './target-rows';

/** A target that takes so many times as long as the others tells nothing about when it will be through. */
const STUCK_FACTOR = 2;

/**
 * Seconds left, or null where nothing can be said: before a target is through, and while one takes far
 * longer than those did. The targets of a group run side by side and the groups one after the other,
 * so what is left of a group is the median of the finished targets less what its longest-running one
 * has had, and a group to come takes one median.
 */
export function secondsLeft(groups: readonly RowGroup[], now: number): number | null {
  const typical = median(groups.flatMap((group) => group.rows).flatMap(totalSeconds));
  if (typical === null) return null;
  let left = 0;
  for (const { rows } of groups) {
    const open = rows.filter((row) => row.status === 'pending' || row.status === 'running');
    for (const row of open) if (elapsedSeconds(row, now) > typical * STUCK_FACTOR) return null;
    left += Math.max(0, ...open.map((row) => typical - elapsedSeconds(row, now)));
  }
  return left;
}

/** How long a target has been worked on. */
function elapsedSeconds(row: TargetRow, now: number): number {
  return row.startedAt ? (now - Date.parse(row.startedAt)) / 1000 : 0;
}

/** Of rows that went through, how long they took: a row never changes, and thousands are asked for at every draw. */
const totals = new WeakMap<TargetRow, readonly number[]>();

/** How long a target took that went through; of the failed one cannot tell. */
function totalSeconds(row: TargetRow): readonly number[] {
  if (row.status !== 'succeeded' || !row.startedAt || !row.finishedAt) return [];
  const found = totals.get(row) ?? [
    (Date.parse(row.finishedAt) - Date.parse(row.startedAt)) / 1000,
  ];
  totals.set(row, found);
  return found;
}

/** The median of some numbers, or null of none. */
export function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [high, low] = [sorted[middle], sorted[middle - 1]];
  if (high === undefined) return null;
  return sorted.length % 2 || low === undefined ? high : (low + high) / 2;
}
