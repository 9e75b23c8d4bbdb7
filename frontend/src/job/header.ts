/** The head of the job page: title, status, buttons, facts and progress. */

import { nothing, type TemplateResult } from 'lit';
import type { Job } from '../elements/api';
import { statusView } from '../elements/light-element';
import { progressBar } from '../jobs/job-row';
import { count, remainingTime, shortId, submitterName } from '../text/format';
import { html } from '../text/html';
import { jobDetails } from './job-details';

/** The parameters of the head. */
export interface HeaderView {
  readonly job: Job;
  readonly kindTitle: string;
  readonly left: number | null;
  /** Whether a request is under way. */
  readonly acting: boolean;
  readonly onAct: (act: string) => void;
  /** The line that says how the page is connected. */
  readonly connection: TemplateResult;
}

/** Three rows: title, status and buttons; who and when; progress and connection. */
export function headerView(view: HeaderView): TemplateResult {
  const { job } = view;
  const buttons = actionButtons(
    [
      ['pause', 'Pause', ''],
      ['resume', 'Resume', 'is-main'],
      ['cancel', job.started_at ? 'Stop run' : 'Cancel job', 'is-danger'],
    ],
    view,
  );
  return html`<header class="job-head is-${job.status}">
    <div class="job-head-line">
      <h1 tabindex="-1">${job.title}</h1>
      <span class="job-head-status" aria-live="polite">${statusView(job.status)}</span>
      <span class="bar-gap"></span>
      ${buttons.length ? html`<span class="job-acts">${buttons}</span>` : nothing}
    </div>
    <div class="job-facts muted">
      <reprise-id value=${job.id}></reprise-id>
      ${jobDetails(job)} ${metaLine(view)}
    </div>
    <div class="job-progress-line">${progressView(job)}${view.connection}</div>
  </header>`;
}

/** The buttons of those actions that the reader may perform: name, label and tone of each. */
export function actionButtons(
  actions: readonly (readonly [string, string, string])[],
  { job, acting, onAct }: Pick<HeaderView, 'job' | 'acting' | 'onAct'>,
): TemplateResult[] {
  const offered = actions.filter(([name]) => job.can.includes(name));
  return offered.map(
    ([name, label, tone]) =>
      html`<button class="button ${tone}" aria-disabled=${acting ? 'true' : nothing}
        @click=${() => onAct(name)}>${label}</button>`,
  );
}

function metaLine({ job, kindTitle, left }: HeaderView): TemplateResult {
  const going = job.status === 'running';
  const parts = [
    html`<a href="/kinds/${encodeURIComponent(job.kind)}">${kindTitle}</a>`,
    html`by ${submitterName(job)}`,
    job.started_at
      ? html`started <reprise-time at=${job.started_at} form="moment"></reprise-time>`
      : html`submitted <reprise-time at=${job.submitted_at ?? ''} form="moment"></reprise-time>`,
    job.started_at
      ? html`<span class="job-elapsed"><reprise-since at=${job.started_at} until=${job.finished_at ?? nothing}
          coarse></reprise-since>${left === null || !going ? nothing : html`, ${remainingTime(left)}`}</span>`
      : null,
    job.attempt > 1
      ? html`<span title="How often a worker has taken the job, also after a wait">attempt ${job.attempt}</span>`
      : null,
    job.retry_of
      ? html`${job.forked_from ? `goes on from event ${count(job.forked_from.seq)} of` : 'retry of'} <a href="/jobs/${job.retry_of}" class="mono">#${shortId(job.retry_of)}</a>,
          <a href="/jobs/${job.retry_of}/compare/${job.id}">compare</a>`
      : null,
    html`<a href="/history?job=${job.id}">history</a>`,
    html`<reprise-verify job=${job.id}></reprise-verify>`,
  ];
  return html`<p class="job-meta">${parts.filter((part) => part !== null).map((part) => html`<span>${part}</span>`)}</p>`;
}

function progressView(job: Job): TemplateResult | typeof nothing {
  if (!job.total) return nothing;
  const well = count(job.done - job.failed);
  const left = count(Math.max(0, job.total - job.done));
  const words = `${well} succeeded, ${count(job.failed)} failed, ${left} left`;
  return html`<div role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax=${job.total}
      aria-valuenow=${job.done} aria-valuetext=${words}>
      ${progressBar(job.done - job.failed, job.failed, job.total)}
    </div>
    <span class="job-counts">${well} succeeded${
      job.failed ? html` · <span class="bad">${failedWords(job)}</span>` : nothing
    } · ${left} left</span>`;
}

type Failing = Pick<Job, 'params' | 'done' | 'failed' | 'finished_at'>;

/** `1 failed (1 more tolerated)`: how many more failures the run's parameters allow. */
export function failedWords(job: Failing): string {
  const failed = `${count(job.failed)} failed`;
  const { max_failures: limit, canary } = job.params;
  if (typeof limit !== 'number' || job.finished_at !== null) return failed;
  // If only canaries have finished, a failed one of them ends the run.
  const more = typeof canary === 'number' && job.done <= canary ? 0 : limit - job.failed;
  if (more > 0) return `${failed} (${count(more)} more tolerated)`;
  return more === 0 ? `${failed} (no more tolerated)` : failed;
}
