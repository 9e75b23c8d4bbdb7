/** A row of the jobs page. */

import { nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { ListedJob } from '../elements/api';
import { glyph, setWidthPercent, statusView } from '../elements/light-element';
import { waitWords } from '../text/event-words';
import { count, plural, shortId, submitterName, titleFromName } from '../text/format';
import { html } from '../text/html';

/** The table row of a job. */
export function jobRowView(job: ListedJob, kindTitle = titleFromName(job.kind)): TemplateResult {
  return html`<tr class="job is-${job.status}">
    <td class="job-status">${statusView(job.status, approvalWord(job))}</td>
    <td class="job-title">
      <a class="job-link" href="/jobs/${job.id}" title=${job.title}>${job.title}</a>
      <span class="mono muted">#${shortId(job.id)}</span>${waitView(job)}
    </td>
    <td class="job-kind muted">${kindTitle}</td>
    <td class="job-by muted" title=${job.submitted_by}>${submitterName(job)}</td>
    <td class="job-when muted"><reprise-time at=${job.submitted_at ?? ''}></reprise-time></td>
    <td class="job-progress">${progressCell(job)}</td>
    <td class="job-duration number">${jobDuration(job)}</td>
  </tr>`;
}

/** Mark a job that waits for approval, because it does not continue by itself. */
function approvalWord(job: ListedJob): string | undefined {
  const asks = job.status === 'waiting' && job.waiting_for.some((wait) => wait.for === 'approval');
  return asks ? 'needs approval' : undefined;
}

/** Why a job waits, in a few words; its page says what to do. */
function waitView(job: ListedJob): TemplateResult | typeof nothing {
  const [first, ...more] = job.status === 'waiting' ? job.waiting_for : [];
  if (!first) return nothing;
  const others = more.length ? ` and ${plural(more.length, 'more', 'more')}` : '';
  const words = `waits for ${waitWords(first)}${others}`;
  return html`<span class="job-why muted" title=${words}>${words}</span>`;
}

/** `983 ✓ 17 ✕`, and how many are left on hover. */
function progressCell(job: ListedJob): TemplateResult | typeof nothing {
  if (!job.total) return nothing;
  const left = `${count(Math.max(0, job.total - job.done))} of ${count(job.total)} left`;
  return html`<span class="job-numbers" title=${left}>${progressBar(job.done - job.failed, job.failed, job.total)}
    ${numberView(job.done - job.failed, 'succeeded')}${job.failed ? numberView(job.failed, 'failed') : nothing}</span>`;
}

function numberView(number: number, status: string): TemplateResult {
  return html`<span class="job-number toned is-${status}">${count(number)} ${glyph(status)}<span class="away">${status}</span></span>`;
}

/** A progress bar: succeeded targets (a job's `done` includes the failed ones), then failed ones. */
export function progressBar(well: number, failed: number, total: number): TemplateResult {
  const share = (n: number) => (total ? (100 * Math.min(n, total)) / total : 0);
  return html`<span class="progress" aria-hidden="true">
    <span class="done" ${ref((e) => setWidthPercent(e, share(well)))}></span>
    <span class="failed" ${ref((e) => setWidthPercent(e, share(failed)))}></span>
  </span>`;
}

function jobDuration(job: ListedJob): TemplateResult | typeof nothing {
  if (!job.started_at) return nothing;
  return html`<reprise-since at=${job.started_at} until=${job.finished_at ?? nothing} coarse></reprise-since>`;
}
