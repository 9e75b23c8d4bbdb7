/** Everything that the page knows about a run, built from its events, and how long it still takes. */

import { fold, type JobEvent, type JobView, NOTHING, type Plan } from '../client';
import { LogLines } from './log-lines';
import { type RowGroup, type TargetRow, TargetRows } from './target-rows';

/** If a target takes this many times as long as the others, no estimate is possible. */
const STUCK_FACTOR = 2;

/** Queues events as they arrive, and applies them when the page renders. */
export class RunModel {
  view: JobView = NOTHING;
  readonly rows: TargetRows;
  readonly lines = new LogLines();
  /** All events; the array grows in place. */
  readonly events: JobEvent[] = [];
  /** The events of the job itself, without its progress. */
  jobEvents: readonly JobEvent[] = [];
  private queued: JobEvent[] = [];

  /** @param plan allows the rows to be rendered before the first event */
  constructor(plan: Plan | null = null) {
    this.rows = new TargetRows(plan);
  }

  /** Queue events for the next `applyQueued`. */
  queue(events: readonly JobEvent[]): void {
    for (const event of events) this.queued.push(event);
  }

  /** Apply the queued events. */
  applyQueued(): void {
    const events = this.queued;
    this.queued = [];
    this.view = fold(this.view, events);
    for (const event of events) this.events.push(event);
    this.lines.addEvents(events);
    this.rows.update(this.view);
    const moments = events.filter(isJobEvent);
    if (moments.length) this.jobEvents = [...this.jobEvents, ...moments];
  }
}

function isJobEvent(event: JobEvent): boolean {
  return !event.type.startsWith('step.') && event.type !== 'job.progressed';
}

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

/** Seconds since a target started. */
function elapsedSeconds(row: TargetRow, now: number): number {
  return row.startedAt ? (now - Date.parse(row.startedAt)) / 1000 : 0;
}

/** Caches the durations of succeeded rows: rows never change, and each render needs thousands of them. */
const totals = new WeakMap<TargetRow, readonly number[]>();

/** The duration of a succeeded target; a failed one says nothing about the others. */
function totalSeconds(row: TargetRow): readonly number[] {
  if (row.status !== 'succeeded' || !row.startedAt || !row.finishedAt) return [];
  const found = totals.get(row) ?? [
    (Date.parse(row.finishedAt) - Date.parse(row.startedAt)) / 1000,
  ];
  totals.set(row, found);
  return found;
}

/** The median, or null without numbers. */
export function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [high, low] = [sorted[middle], sorted[middle - 1]];
  if (high === undefined) return null;
  return sorted.length % 2 || low === undefined ? high : (low + high) / 2;
}
