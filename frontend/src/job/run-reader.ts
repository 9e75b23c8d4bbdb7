/** Reads what the page needs of a run beside its new events: state, last events, and single ones. */

import type { JobEvent } from '../client';
import { callApi, type Job, Problem } from '../elements/api';
import { openGates } from './actions';
import { JOB_TYPES } from './event-types';
import { fetchTail } from './history-pages';
import { fetchState } from './job-state';
import type { RunModel } from './run-model';
import { TypedEvents } from './typed-events';

const RETRY_MS = 2000;
/** The pages in which the last line of a step is looked for. */
const LAST_LINE_PAGES = 10;
/** The events that say why a job of a status does not continue. */
const REASONS: Readonly<Record<string, string>> = {
  paused: 'job.paused',
  waiting: 'job.approval_requested',
};

interface AuditAnswer {
  readonly events: readonly { readonly event: JobEvent }[];
}

/** Fills a model; `onChange` is called when there is more. */
export class RunReader {
  private isStopped = false;
  private moments: TypedEvents | null = null;
  private hasLastLines = false;

  constructor(
    private readonly job: string,
    private readonly run: RunModel,
    private readonly onChange: () => void,
  ) {}

  /** Read the state, and the last events up to `head`. */
  start(head: number): void {
    void this.repeat(async () => this.run.setTail(await fetchTail(this.job, head)));
    void this.repeat(async () => this.run.setState(await fetchState(this.job)));
  }

  /** Read nothing more. */
  stop(): void {
    this.isStopped = true;
  }

  /** Read on in what happened to the job itself. */
  readMoments(): void {
    const { job, run } = this;
    this.moments ??= new TypedEvents(job, run.history, JOB_TYPES, () => this.readMoments());
    if (this.isStopped) return;
    this.moments.readMore();
    if (run.addJobEvents(this.moments.events)) this.onChange();
  }

  /**
   * Read who has paused a job, what its gates ask and who made it, which its state does not say. Throws
   * what `callApi` throws.
   */
  async readReasons(row: Job): Promise<void> {
    const { job, run } = this;
    const type = REASONS[row.status];
    if (type && !run.jobEvents.some((event) => event.type === type)) {
      const path = `/api/audit?job=${job}&type=${type}&limit=20`;
      const { events } = await callApi<AuditAnswer>(path);
      run.addJobEvents(events.map(({ event }) => event));
    }
    if (openGates(row).length && !run.view.submitted) {
      run.setSubmitted(await run.history.load(0));
    }
    this.onChange();
  }

  /** Of a kind with one step, read back until each target has a last line; once, and not far. */
  async readLastLines(): Promise<void> {
    const { history, lastLines, rows, isRead, hasOneStep } = this.run;
    if (this.hasLastLines || !isRead || !hasOneStep) return;
    this.hasLastLines = true;
    const until = Math.max(0, history.count - LAST_LINE_PAGES);
    for (let page = history.count - 1; page >= until; page -= 1) {
      const isMissing = rows.all.some(({ target, current }) => {
        return current && !lastLines.of(target, current.step);
      });
      if (!isMissing || this.isStopped) return;
      const events = await history.load(page).catch(() => null);
      if (!events) return;
      lastLines.addOlder(events);
      this.onChange();
    }
  }

  /** Do something until the service has answered. */
  private async repeat(take: () => Promise<void>): Promise<void> {
    while (!this.isStopped) {
      try {
        await take();
        this.onChange();
        return;
      } catch (error) {
        if (error instanceof Problem && error.status < 500) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
