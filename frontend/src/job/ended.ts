/** What is left to say when a run is over: the outcome, what failed, and what one does next. */

import { html, nothing, type TemplateResult } from 'lit';
import { glyph } from '../elements/plain';
import { plural } from '../text/format';
import type { Shown } from './header';
import type { Row } from './rows';
import { addressOf } from './tabs';

const MOST_LINKS = 12;

/** One summary line; `rows` tells which step of a failed target to lead to. */
export function endedView(
  job: Shown,
  rows: readonly Row[],
  canSubmit: boolean,
): TemplateResult | typeof nothing {
  if (job.finished_at === null) return nothing;
  const failed = rows.filter((row) => row.status === 'failed' && row.target);
  const again = `/jobs/new?kind=${encodeURIComponent(job.kind)}&from=${job.id}`;
  return html`<div class="ended is-${job.status}" role="status">
    ${glyph(job.status)}
    <span class="ended-words said">${sentence(job)}
      ${failed.length ? html`<span>Failed: ${links(failed)}</span>` : nothing}</span>
    ${canSubmit ? html`<a class="button" href=${again}>New job with these parameters</a>` : nothing}
  </div>`;
}

function sentence(job: Shown): string {
  const fallback = {
    succeeded: `All ${plural(job.total, 'server')} done.`,
    failed: 'The run failed.',
    cancelled: 'The run was stopped.',
  }[job.status as string];
  const message = job.message || fallback || '';
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

function links(failed: readonly Row[]): TemplateResult {
  const shown = failed.slice(0, MOST_LINKS);
  const more = failed.length - shown.length;
  return html`${shown.map(
    (row, i) =>
      html`${i ? ', ' : ''}<a class="mono" href=${addressOf('matrix', { target: row.target, step: failedStep(row) })}>${row.target}</a>`,
  )}${more ? ` and ${plural(more, 'more', 'more')}` : ''}.`;
}

function failedStep(row: Row): string {
  return [...row.cells.values()].findLast((step) => step.status === 'failed')?.step ?? '';
}
