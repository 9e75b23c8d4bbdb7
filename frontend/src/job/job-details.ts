/** What a job was submitted with, folded beside its id. */

import { nothing, type TemplateResult } from 'lit';
import type { Job } from '../elements/api';
import { glyph } from '../elements/light-element';
import { count } from '../text/format';
import { html } from '../text/html';
import { factView, paramText } from './facts';

/** The button and what it unfolds: the parameters, each to be copied, then labels, team and the rest. */
export function jobDetails(job: Job): TemplateResult {
  const params = Object.entries(job.params);
  return html`<details class="menu job-details"><summary class="tool">Details ${glyph('down')}</summary>
    <div class="menu-list">
      <h2>Parameters</h2>
      ${
        params.length
          ? html`<dl class="facts">${params.map(([name, value]) => paramView(name, paramText(value)))}</dl>`
          : html`<p class="muted">None.</p>`
      }
      <h2>Job</h2>
      <dl class="facts">${jobFacts(job)}</dl>
    </div>
  </details>`;
}

function paramView(name: string, text: string): TemplateResult {
  return html`${factView(name, text, 'mono')}<dd class="facts-copy"><reprise-copy value=${text} label="Copy ${name}"></reprise-copy></dd>`;
}

function jobFacts(job: Job): (TemplateResult | typeof nothing)[] {
  const { labels, team, priority, attempt } = job;
  return [
    Object.keys(labels).length ? html`<dt>Labels</dt><dd>${chips(labels)}</dd>` : nothing,
    team ? factView('Team', team) : nothing,
    html`<dt>Submitted by</dt><dd class="mono">${job.submitted_by}</dd>`,
    html`<dt>Submitted</dt><dd><reprise-time at=${job.submitted_at ?? ''} form="moment"></reprise-time></dd>`,
    factView('Priority', String(priority)),
    factView('Attempts', count(attempt)),
    factView('Plan', job.plan.words),
    html`<dt>Id</dt><dd class="mono">${job.id}</dd>`,
  ];
}

function chips(labels: Job['labels']): TemplateResult {
  const names = Object.entries(labels);
  return html`<ul class="chips">${names.map(
    ([name, value]) => html`<li class="chip mono">${value ? `${name}=${value}` : name}</li>`,
  )}</ul>`;
}
