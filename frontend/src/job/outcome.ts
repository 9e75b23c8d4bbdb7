/** The summary of a finished run: its outcome, what failed, and what to do next. */

import { nothing, type TemplateResult } from 'lit';
import type { Job, ListedJob } from '../elements/api';
import { glyph, statusView } from '../elements/light-element';
import { listNames, makeLegible } from '../text/event-words';
import { plural, shortId, submitterName, withFullStop } from '../text/format';
import { html } from '../text/html';
import { hasKeepable, unsuccessfulTargets } from './actions';
import type { RunModel } from './run-model';
import { formatAddress } from './tabs';
import { failedStep, type TargetRow } from './target-rows';

const MAX_LINKS = 12;

/** The parameters of the summary. */
export interface OutcomeView {
  readonly job: Job;
  readonly run: RunModel;
  /** The retries of this job, newest first. */
  readonly retries: readonly ListedJob[];
  readonly canSubmit: boolean;
  readonly acting: boolean;
  readonly onAct: (act: 'retry' | 'fork') => void;
}

/** One line, and the buttons for what to do next. */
export function outcomeView(ended: OutcomeView): TemplateResult | typeof nothing {
  const { job, run } = ended;
  if (job.finished_at === null) return nothing;
  const targets = unsuccessfulTargets(run.view, job.plan);
  const failed = run.rows.all.filter((row) => row.status === 'failed' && row.target);
  const retry = job.can.includes('retry') && targets.length > 0;
  const resume = job.can.includes('fork') && hasKeepable(run.view);
  return html`<div class="ended is-${job.status}" role="status">
    ${glyph(job.status)}
    <span class="ended-words said">${linkTargets(outcomeSentence(job), failed)} ${canaryWords(job, failed)} ${ended.retries.map(retryLink)}</span>
    ${resume ? actionButton(ended, 'fork', resumeLabel(job)) : nothing}
    ${retry ? actionButton(ended, 'retry', retryLabel(targets, failed)) : nothing}
    ${ended.canSubmit ? html`<a class="button" href="/jobs/new?from=${job.id}">Run again</a>` : nothing}
  </div>`;
}

function actionButton(ended: OutcomeView, act: 'retry' | 'fork', label: string): TemplateResult {
  return html`<button class="button" aria-disabled=${ended.acting ? 'true' : nothing}
    @click=${() => ended.onAct(act)}>${label}</button>`;
}

function resumeLabel(job: Job): string {
  return job.status === 'failed' ? 'Resume from the failed step' : 'Resume where it stopped';
}

/** `Retry 2 failed servers`, or `Retry 5 servers not done` if some were never reached. */
function retryLabel(targets: readonly string[], failed: readonly TargetRow[]): string {
  const names = new Set(failed.map((row) => row.target));
  return targets.every((target) => names.has(target))
    ? `Retry ${plural(targets.length, 'failed server')}`
    : `Retry ${plural(targets.length, 'server')} not done`;
}

function retryLink(job: ListedJob): TemplateResult {
  return html`<span class="ended-retry">${job.forked_from ? 'Resumed' : 'Retried'} by ${submitterName(job)} as
    <a class="mono" href="/jobs/${job.id}">#${shortId(job.id)}</a> ${statusView(job.status)}</span>`;
}

function outcomeSentence(job: Job): string {
  const fallback = {
    succeeded: `All ${plural(job.total, 'server')} done.`,
    failed: 'The run failed.',
    cancelled: 'The run was stopped.',
  }[job.status as string];
  return withFullStop(makeLegible(job.message) || fallback || '');
}

/** What to do after a failed canary, which has kept the run from everything else. */
function canaryWords(job: Job, failed: readonly TargetRow[]): string {
  const canaries = job.plan.groups.find((group) => group.name === 'canary')?.targets ?? [];
  const lost = failed.filter((row) => canaries.includes(row.target));
  if (job.status !== 'failed' || !lost.length) return '';
  const what = lost.length === 1 ? 'The canary' : 'Canaries';
  return `${what} failed, so nothing else was touched: open ${listNames(lost.map((row) => row.target))} to see why, then retry.`;
}

/** The message with each failed target as a link to the step that failed; the remaining ones follow it. */
function linkTargets(message: string, failed: readonly TargetRow[]): (TemplateResult | string)[] {
  const rows = new Map(failed.map((row) => [row.target, row]));
  const parts = message.split(/([^\s,;:()]+)/);
  const shown = parts.map((part) => {
    const name = rows.has(part) ? part : part.replace(/\.$/, '');
    const row = rows.get(name);
    rows.delete(name);
    return row ? html`${targetLink(row)}${part.slice(name.length)}` : part;
  });
  const rest = [...rows.values()];
  if (!rest.length) return shown;
  const more = rest.length - MAX_LINKS;
  const links = rest.slice(0, MAX_LINKS).map((row, i) => html`${i ? ', ' : ' '}${targetLink(row)}`);
  return [
    ...shown,
    html` Failed:${links}${more > 0 ? ` and ${plural(more, 'more', 'more')}` : ''}.`,
  ];
}

function targetLink(row: TargetRow): TemplateResult {
  const address = formatAddress('matrix', { target: row.target, step: failedStep(row) ?? '' });
  return html`<a class="mono" href=${address}>${row.target}</a>`;
}
