/** The head of a step in the log: `gs-003 › health · ✓ · 1.9 s · 14 lines`; a click folds its lines away. */

import { nothing, render, type TemplateResult } from 'lit';
import { lineName, type StepView } from '../client';
import { glyph } from '../elements/light-element';
import { duration, plural } from '../text/format';
import { html } from '../text/html';
import type { LogHead } from './log-rows';

/** Returns the newest state of a step on a target, if it has one. */
export type StepOf = (target: string, step: string) => StepView | null;

/** Create the row of a head. */
export function createHeadRow(head: LogHead, stepOf: StepOf): HTMLElement {
  const row = document.createElement('div');
  row.className = 'log-head';
  updateHeadRow(row, head, stepOf);
  return row;
}

/** Update a row to what is known of its step now. */
export function updateHeadRow(row: HTMLElement, head: LogHead, stepOf: StepOf): void {
  render(headView(head, stepOf(head.target, head.step)), row);
}

function headView(
  { seq, part, target, step, isFolded, lines }: LogHead,
  state: StepView | null,
): TemplateResult {
  const took = typeof state?.seconds === 'number' ? duration(state.seconds) : '';
  const words = html`<span class="mono">${[target, step].filter(Boolean).join(' › ')}</span>
    ${state ? html`<span class="status is-${state.status}" title=${state.status}>${glyph(state.status)}</span>` : nothing}
    <span class="muted">${[took, plural(lines, 'line')].filter(Boolean).join(' · ')}</span>`;
  if (!state || state.status === 'running') return words;
  return html`<button type="button" class="log-fold" aria-expanded=${String(!isFolded)} data-target=${target}
    data-step=${step} data-line=${lineName({ seq, part: part + 0.5 })} title=${isFolded ? 'Show its lines' : 'Fold its lines'}>${glyph(isFolded ? 'right' : 'down')}${words}</button>`;
}
