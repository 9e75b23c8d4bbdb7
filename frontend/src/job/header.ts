/** The head of the job page: what it is, how far it is, how long still, and how we know. */

import { html, nothing, type TemplateResult } from 'lit';
import type { FollowerInfo } from '../client';
import type { Job } from '../elements/api';
import { bar } from '../elements/job-row';
import { status } from '../elements/plain';
import { count, plural, remaining, shortId, who } from '../text/format';

/** What the head shows. */
export interface HeadView {
  readonly job: Job;
  readonly kindTitle: string;
  readonly left: number | null;
  /** Something asked for is on its way. */
  readonly acting: boolean;
  readonly onAct: (act: string) => void;
}

/** Title, status and acts; then who and when; then the progress. */
export function headView(view: HeadView): TemplateResult {
  const { job } = view;
  return html`<header class="job-head is-${job.status}">
    <div class="job-head-line">
      <h1>${job.title}</h1>
      <span class="job-head-status" aria-live="polite">${status(job.status)}</span>
      <span class="bar-gap"></span>
      ${acts(view)}
    </div>
    ${meta(view)} ${progress(job)}
  </header>`;
}

function acts({ job, acting, onAct }: HeadView): TemplateResult | typeof nothing {
  const stop = job.started_at ? 'Stop run' : 'Cancel job';
  const offered = [
    ['pause', 'Pause', ''],
    ['resume', 'Resume', 'is-main'],
    ['cancel', stop, 'is-danger'],
  ].filter(([act = '']) => job.can.includes(act));
  if (!offered.length) return nothing;
  return html`<span class="job-acts">${offered.map(
    ([act = '', word, tone]) =>
      html`<button class="button ${tone}" aria-disabled=${acting ? 'true' : nothing}
        @click=${() => onAct(act)}>${word}</button>`,
  )}</span>`;
}

function meta({ job, kindTitle, left }: HeadView): TemplateResult {
  const going = job.status === 'running';
  const parts = [
    html`<reprise-id value=${job.id}></reprise-id>`,
    html`${kindTitle}`,
    html`by ${who(job.submitted_by)}`,
    job.started_at
      ? html`started <reprise-time at=${job.started_at} form="clock"></reprise-time>`
      : html`submitted <reprise-time at=${job.submitted_at ?? ''}></reprise-time>`,
    job.started_at
      ? html`<span class="job-elapsed"><reprise-since at=${job.started_at} until=${job.finished_at ?? nothing}
          coarse></reprise-since>${left === null || !going ? nothing : html`, ${remaining(left)}`}</span>`
      : null,
    job.attempt > 1
      ? html`<span title="A worker has taken the job so often: after a wait, too">attempt ${job.attempt}</span>`
      : null,
    job.retry_of
      ? html`retry of <a href="/jobs/${job.retry_of}" class="mono">#${shortId(job.retry_of)}</a>`
      : null,
    html`<a href="/history?job=${job.id}">history</a>`,
    html`<reprise-verify job=${job.id}></reprise-verify>`,
  ];
  return html`<p class="job-meta muted">${parts.filter((part) => part !== null).map((part) => html`<span>${part}</span>`)}</p>`;
}

function progress(job: Job): TemplateResult | typeof nothing {
  if (!job.total) return nothing;
  const words = `${count(job.done)} of ${count(job.total)} done`;
  const limit = job.params.max_failures;
  return html`<div class="job-progress-line">
    <div role="progressbar" aria-valuemin="0" aria-valuemax=${job.total} aria-valuenow=${job.done} aria-valuetext=${words}>
      ${bar(job.done - job.failed, job.failed, job.total)}
    </div>
    <span>${words}${job.failed ? html` · <span class="bad">${failedWords(job, limit)}</span>` : nothing}</span>
  </div>`;
}

/** `1 failed (1 more tolerated)`: how near the run is to giving up, where its params say so. */
function failedWords(job: Job, limit: unknown): string {
  const failed = `${count(job.failed)} failed`;
  if (typeof limit !== 'number' || job.finished_at !== null) return failed;
  const more = limit - job.failed;
  if (more > 0) return `${failed} (${count(more)} more tolerated)`;
  return more === 0 ? `${failed} (no more tolerated)` : failed;
}

/** The connection in one sentence: over what, how far, what a resume did. The promise, made visible. */
export function connectionView(
  info: FollowerInfo | null,
  seq: number,
  missed: string,
  onTry: () => void,
): TemplateResult {
  const { tone, words, act } = connectionWords(info, seq);
  return html`<div class="connection is-${tone}">
    <i class="connection-dot" aria-hidden="true"></i>
    <div class="connection-parts">
      <span role="status">${words}</span>
      ${seq ? html`<span class="mono" title="The newest event that is here">#${seq}</span>` : nothing}
      ${resumedWords(info, missed)}
      ${act ? html`<button class="tool" @click=${onTry}>${act}</button>` : nothing}
    </div>
  </div>`;
}

function connectionWords(
  info: FollowerInfo | null,
  seq: number,
): {
  tone: string;
  words: string | TemplateResult;
  act?: string;
} {
  const over = info?.transport ? ` over ${info.transport}` : '';
  switch (info?.state) {
    case 'live':
      return { tone: 'live', words: `live${over}` };
    case 'catching_up':
      return {
        tone: 'busy',
        words: `catching up${over}: ${count(seq)} of ${count(info.head)}`,
      };
    case 'ended':
      return { tone: 'ended', words: `complete${over}` };
    case 'reconnecting':
      return { tone: 'lost', words: html`connection lost${retryWords(info)}`, act: 'Try now' };
    case 'offline':
      return {
        tone: 'lost',
        words:
          'this device is offline; the run goes on, and the page catches up when the network is back',
        act: 'Try now',
      };
    case 'failed':
      return {
        tone: 'lost',
        words: info.error?.message ?? 'The connection was refused.',
        act: 'Try again',
      };
    default:
      if (!info || info.nextTryAt === null) return { tone: 'busy', words: 'connecting' };
      return { tone: 'lost', words: html`no connection yet${retryWords(info)}`, act: 'Try now' };
  }
}

function retryWords(info: FollowerInfo): TemplateResult | string {
  if (info.nextTryAt === null) return ', trying again';
  return html`, trying again <reprise-until at=${new Date(info.nextTryAt).toISOString()}></reprise-until>`;
}

function resumedWords(info: FollowerInfo | null, missed: string): TemplateResult | typeof nothing {
  const resumed = info?.resumed;
  if (resumed) {
    const at = new Date(resumed.at).toISOString();
    return html`<span>resumed from <span class="mono">#${resumed.from}</span> at
      <reprise-time at=${at} form="clock"></reprise-time>, ${plural(resumed.caughtUp, 'event')} caught up</span>`;
  }
  if (missed) return html`<span>${missed}</span>`;
  return info?.state === 'ended' ? html`<span>every event is here</span>` : nothing;
}
