/** What the feed has said of jobs since the list was read, and what of it the list must be read for. */

import type { JobStatus, JobSummary } from '../client';
import type { Job } from '../elements/api';

/**
 * The newest word on every job that has moved. A list that was read at a position has in it all that
 * moved before; what moved after is put over its rows.
 */
export class FeedUpdates {
  readonly #newest = new Map<string, JobSummary>();
  readonly #statuses = new Map<string, JobStatus>();

  /**
   * Take in what the feed says.
   *
   * @returns whether it calls for the list itself: a job that nobody knew, another status, which comes
   * with more than a summary says; a job that waits may wait for something else
   */
  add(jobs: readonly JobSummary[]): boolean {
    let calls = false;
    for (const job of jobs) {
      calls ||= this.#statuses.get(job.job) !== job.status || job.status === 'waiting';
      this.#newest.set(job.job, job);
      this.#statuses.set(job.job, job.status);
    }
    return calls;
  }

  /** The list was read anew, as of `position` at least. */
  listRead(position: number, rows: readonly Job[]): void {
    for (const [id, job] of this.#newest) if (job.position <= position) this.#newest.delete(id);
    for (const { id, status } of rows) if (!this.#newest.has(id)) this.#statuses.set(id, status);
  }

  /** Return the rows with what has moved since. */
  applyTo(rows: readonly Job[]): readonly Job[] {
    return rows.map((row) => {
      const job = this.#newest.get(row.id);
      if (!job || job.head <= row.head) return row;
      const { title, status, done, total, head, failed = row.failed } = job;
      return { ...row, title, status, done, total, head, failed };
    });
  }
}
