/** Everything that the page knows of a run, made of its events as they come. */

import { fold, type JobEvent, type JobView, NOTHING, type Plan } from '../client';
import { LogLines } from './log-lines';
import { TargetRows } from './target-rows';

/** Queue events as they arrive, take them in when it is time to draw. */
export class RunModel {
  view: JobView = NOTHING;
  readonly rows: TargetRows;
  readonly lines = new LogLines();
  /** All events; grows in place. */
  readonly events: JobEvent[] = [];
  /** Those about the job itself, but for its progress. */
  jobEvents: readonly JobEvent[] = [];
  private queued: JobEvent[] = [];

  /** `plan` lets the rows be drawn before the first event has come. */
  constructor(plan: Plan | null = null) {
    this.rows = new TargetRows(plan);
  }

  /** Remember events for the next `take`. */
  queue(events: readonly JobEvent[]): void {
    for (const event of events) this.queued.push(event);
  }

  /** Take in what is queued. */
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
