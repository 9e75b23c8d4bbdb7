/** Everything that the page knows about a run: the server's fold, the events since, its history by pages. */

import { fold, type JobEvent, type JobView, NOTHING, type Plan } from '../client';
import { isJobEvent } from './event-types';
import { HistoryPages, type PageReader } from './history-pages';
import { LastLines } from './last-lines';
import { LogPages } from './log-pages';
import { placeOf } from './log-rows';
import { type FilterChoices, NO_CHOICES } from './log-tools';
import { type RowGroup, type TargetRow, TargetRows } from './target-rows';

/** If a target takes this many times as long as the others, no estimate is possible. */
const STUCK_FACTOR = 2;

/** Queues events as they arrive, and applies them when the page renders. */
export class RunModel {
  view: JobView = NOTHING;
  /** Whether the server's fold is here. */
  isFolded = false;
  readonly rows: TargetRows;
  readonly history: HistoryPages;
  readonly log: LogPages;
  readonly lastLines = new LastLines();
  /** The events of the job itself that are here, without its progress. */
  jobEvents: readonly JobEvent[] = [];
  /** The last events before those of the follower; null until they are here. */
  private tail: readonly JobEvent[] | null = null;
  private submitted: JobView['submitted'] = null;
  /** What the follower brings before the server's fold is here. */
  private early: JobEvent[] = [];
  private queued: JobEvent[] = [];
  private known: FilterChoices = NO_CHOICES;
  private knownOf: readonly RowGroup[] = [];

  /** @param plan allows the rows to be rendered before the server's fold has come */
  constructor(job: string, head = 0, plan: Plan | null = null, read?: PageReader) {
    this.rows = new TargetRows(plan);
    this.history = new HistoryPages(job, head, read);
    this.log = new LogPages(this.history);
  }

  /** Whether the kind has one step, so that its last line says what came of a target. */
  get hasOneStep(): boolean {
    return this.rows.columns.length === 1;
  }

  /** Whether the server's fold and the last events are here. */
  get isRead(): boolean {
    return this.isFolded && this.tail !== null;
  }

  /** Whether everything that the page shows of it is here. */
  get isWhole(): boolean {
    return this.isRead && (!this.log.isOpen || this.log.isSettled);
  }

  /** Take the server's fold as it was at some seq. */
  setState(state: JobView): void {
    const { submitted } = this;
    this.view = fold({ ...withTail(state, this.tail ?? []), submitted }, this.early);
    this.early = [];
    this.isFolded = true;
    this.rows.update(this.view);
  }

  /** Take the last events before those that are followed. */
  setTail(events: readonly JobEvent[]): void {
    this.tail = events;
    this.history.prepend(events);
    this.addJobEvents(events.filter(isJobEvent));
    if (this.hasOneStep) this.lastLines.addOlder(events);
    if (this.isFolded) this.view = withTail(this.view, events);
    this.rows.update(this.view);
  }

  /** Take from the first page of events how the job was submitted. */
  setSubmitted(first: readonly JobEvent[]): void {
    this.submitted = fold(NOTHING, first).submitted;
    this.view = { ...this.view, submitted: this.submitted };
  }

  /** Queue events for the next `applyQueued`. */
  queue(events: readonly JobEvent[]): void {
    for (const event of events) this.queued.push(event);
  }

  /** Apply the queued events. */
  applyQueued(): void {
    const events = this.queued;
    this.queued = [];
    this.history.append(events);
    this.log.append(events);
    this.addJobEvents(events.filter(isJobEvent));
    if (this.hasOneStep) this.lastLines.add(events);
    if (this.isFolded) this.view = fold(this.view, events);
    else this.early.push(...events);
    this.rows.update(this.view);
  }

  /** Add events of the job itself that were read elsewhere; returns whether any is new. */
  addJobEvents(events: readonly JobEvent[]): boolean {
    const all = new Map([...this.jobEvents, ...events].map((event) => [event.seq, event]));
    if (all.size === this.jobEvents.length) return false;
    this.jobEvents = [...all.values()].sort((one, other) => one.seq - other.seq);
    return true;
  }

  /** The names by which the log can be filtered. */
  get choices(): FilterChoices {
    if (this.knownOf !== this.rows.groups) {
      this.knownOf = this.rows.groups;
      this.known = choicesOf(this.rows, this.view);
    }
    return this.known;
  }
}

function choicesOf(rows: TargetRows, view: JobView): FilterChoices {
  const { columns, all } = rows;
  const undone = all.map((row) => row.rollback?.step ?? '').filter(Boolean);
  const failed = [...view.steps.values()].filter(
    (step) => step.status === 'failed' || step.status === 'retried' || step.try > 1,
  );
  return {
    targets: all.map((row) => row.target).filter(Boolean),
    steps: [...new Set([...columns, ...undone])],
    failed: new Set(failed.map(placeOf)),
    stepOf: (target, step) => rows.step(target, step),
  };
}

/**
 * Return the server's fold with what only the last events say of it: the progress of running steps, and
 * the failed targets of the end.
 */
function withTail(state: JobView, tail: readonly JobEvent[]): JobView {
  const progress = tail.filter(
    (event) => event.type === 'step.progressed' && isOfRunningTry(state, event),
  );
  const ends = tail.filter(({ type }) => type === 'job.failed' || type === 'job.extended');
  const { steps } = fold({ ...state, head: 0 }, progress);
  const { failed_targets } = fold(NOTHING, ends);
  return { ...state, steps, failed_targets: [...failed_targets, ...state.failed_targets] };
}

/** Whether an event is not older than the try of its step that runs now, of which nothing is known. */
function isOfRunningTry(state: JobView, { at, step, target }: JobEvent): boolean {
  return [...state.steps.values()].some(
    (one) =>
      one.step === step &&
      !one.progress &&
      one.target === (target ?? null) &&
      (one.started_at ?? '') <= at,
  );
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
