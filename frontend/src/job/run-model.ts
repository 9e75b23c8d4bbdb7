/** Everything that the page knows about a run, built from its events. */

import { fold, type JobEvent, type JobView, NOTHING, type Plan } from '../client';
import { LogLines } from './log-lines';
import { TargetRows } from './target-rows';

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
