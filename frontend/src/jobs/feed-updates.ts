/** Summaries that the feed has sent since the list was read. */

import type { JobStatus, JobSummary } from '../client';
import type { ListedJob } from '../elements/api';

/**
 * The newest summary of every job that has changed. A list that was read at a position contains all
 * earlier changes; later ones are applied to its rows.
 */
export class FeedUpdates {
  readonly #newest = new Map<string, JobSummary>();
  readonly #statuses = new Map<string, JobStatus>();

  /**
   * Add summaries from the feed.
   *
   * @returns whether the list must be read again: for a new job, for a changed status, which changes
   * more than a summary has, and for a waiting job, which may wait for something else now
   */
  add(jobs: readonly JobSummary[]): boolean {
    let mustRead = false;
    for (const job of jobs) {
      mustRead ||= this.#statuses.get(job.job) !== job.status || job.status === 'waiting';
      this.#newest.set(job.job, job);
      this.#statuses.set(job.job, job.status);
    }
    return mustRead;
  }

  /** Note that the list was read, as of `position` or later. */
  listRead(position: number, rows: readonly ListedJob[]): void {
    for (const [id, job] of this.#newest) if (job.position <= position) this.#newest.delete(id);
    for (const { id, status } of rows) if (!this.#newest.has(id)) this.#statuses.set(id, status);
  }

  /** Return the rows with the later changes. */
  applyTo(rows: readonly ListedJob[]): readonly ListedJob[] {
    return rows.map((row) => {
      const job = this.#newest.get(row.id);
      if (!job || job.head <= row.head) return row;
      const { title, status, done, total, head, failed = row.failed } = job;
      return { ...row, title, status, done, total, head, failed };
    });
  }
}
