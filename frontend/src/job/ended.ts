/** What is left to say when a run is over: the outcome, what failed, and what one does next. */

import { html, nothing, type TemplateResult } from 'lit';
import type { Job } from '../elements/api';
import { glyph } from '../elements/plain';
import { plural } from '../text/format';
import type { Row } from './rows';
import { addressOf } from './tabs';

const MOST_LINKS = 12;

/** One summary line; `rows` tells which step of a failed target to lead to. */
export function endedView(
  job: Job,
  rows: readonly Row[],
  canSubmit: boolean,
): TemplateResult | typeof nothing {
  if (job.finished_at === null) return nothing;
  const failed = rows.filter((row) => row.status === 'failed' && row.target);
  const again = `/jobs/new?kind=${encodeURIComponent(job.kind)}&from=${job.id}`;
  return html`<div class="ended is-${job.status}" role="status">
    ${glyph(job.status)}
    <span class="ended-words said">${linked(sentence(job), failed)}</span>
    ${canSubmit ? html`<a class="button" href=${again}>New job with these parameters</a>` : nothing}
  </div>`;
}

function sentence(job: Job): string {
  const fallback = {
    succeeded: `All ${plural(job.total, 'server')} done.`,
    failed: 'The run failed.',
    cancelled: 'The run was stopped.',
  }[job.status as string];
  const message = job.message || fallback || '';
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

/** The message with each failed target in it as a link to the step that failed; the others after it. */
function linked(message: string, failed: readonly Row[]): (TemplateResult | string)[] {
  const rows = new Map(failed.map((row) => [row.target, row]));
  const parts = message.split(/([^\s,;:()]+)/);
  const shown = parts.map((part) => {
    const name = rows.has(part) ? part : part.replace(/\.$/, '');
    const row = rows.get(name);
    rows.delete(name);
    return row ? html`${link(row)}${part.slice(name.length)}` : part;
  });
  const rest = [...rows.values()];
  if (!rest.length) return shown;
  const more = rest.length - MOST_LINKS;
  const links = rest.slice(0, MOST_LINKS).map((row, i) => html`${i ? ', ' : ' '}${link(row)}`);
  return [
    ...shown,
    html` Failed:${links}${more > 0 ? ` and ${plural(more, 'more', 'more')}` : ''}.`,
  ];
}

function link(row: Row): TemplateResult {
  const address = addressOf('matrix', { target: row.target, step: failedStep(row) });
  return html`<a class="mono" href=${address}>${row.target}</a>`;
}

function failedStep(row: Row): string {
  return [...row.cells.values()].findLast((step) => step.status === 'failed')?.step ?? '';
}
