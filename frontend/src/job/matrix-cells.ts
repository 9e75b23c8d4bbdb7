/** The parts of a matrix row: cells, strips, and a target's state in words. */

import { nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { StepView } from '../client';
import { glyph } from '../elements/light-element';
import { statusWord } from '../text/event-words';
import { duration } from '../text/format';
import { html } from '../text/html';
import { failedStep, type TargetRow } from './target-rows';

/** The position and state of a cell; `tab` marks the one that the Tab key reaches. */
export interface CellPlace {
  readonly row: number;
  readonly column: number;
  readonly tab: boolean;
  readonly open: boolean;
  /** How many columns it covers. */
  readonly span?: number;
}

/** One step on one target: its glyph and how long it took; counting while it runs. */
export function stepCell(
  row: TargetRow,
  name: string,
  step: StepView | undefined,
  place: CellPlace,
): TemplateResult {
  const status = cellStatus(step);
  const content = step
    ? html`${glyph(status)}${stepTime(step)}${tryCount(step)}${keptMark(step)}`
    : nothing;
  return cellView(row, name, status, cellLabel(row, name, step), content, place);
}

/** The only step of a target, in words; of the job's own row, the step that it is at. */
export function resultCell(row: TargetRow, column: string, place: CellPlace): TemplateResult {
  const step = row.target ? row.cells.get(column) : (row.current ?? undefined);
  const undone = ROLLBACK_WORDS[row.rollback?.status ?? ''];
  const words = [statusWord(cellStatus(step)), undone].filter(Boolean).join(', ');
  const name = row.target ? column : (step?.step ?? column);
  const content = html`${glyph(cellStatus(step))}<span class="cell-word">${row.target ? words : `${name}: ${words}`}</span>${step ? html`${tryCount(step)}${keptMark(step)}` : nothing}`;
  return cellView(row, name, cellStatus(step), `${row.target || 'job'}, ${name}:`, content, place);
}

function cellView(
  row: TargetRow,
  step: string,
  status: string,
  label: string,
  content: TemplateResult | typeof nothing,
  { row: index, column, tab, open, span = 1 }: CellPlace,
): TemplateResult {
  // A name that is read with what is seen, since that may count.
  const isEmpty = content === nothing;
  return html`<div class="cell is-${status} ${open ? 'is-open' : ''}" role="gridcell"
    tabindex=${tab ? 0 : -1} data-r=${index} data-c=${column} data-target=${row.target}
    data-step=${step} aria-label=${isEmpty ? label : nothing} ${ref((element) => spanColumns(element, span))}
    >${isEmpty ? nothing : html`<b class="away">${label}</b>`}${content}</div>`;
}

/** A cell in words, for screen readers; its time follows. */
function cellLabel(row: TargetRow, name: string, step: StepView | undefined): string {
  const tried = step && step.try > 1 ? `, try ${step.try}` : '';
  const kept = step?.kept ? ', kept' : '';
  return `${row.target || 'job'}, ${name}: ${statusWord(cellStatus(step))}${tried}${kept}`;
}

/** The status of a cell; a step that waits for room on its host is `waiting`. */
function cellStatus(step: StepView | undefined): string {
  return step?.place === undefined ? (step?.status ?? 'pending') : 'waiting';
}

/** A step's duration, counting while it runs. */
export function stepTime(step: StepView): TemplateResult | typeof nothing {
  if (step.status === 'skipped') return html`<span>skipped</span>`;
  if (step.seconds !== null) return html`<span>${duration(step.seconds)}</span>`;
  if (!step.started_at) return nothing;
  return html`<reprise-since at=${step.started_at} until=${step.finished_at ?? nothing}></reprise-since>`;
}

function tryCount(step: StepView): TemplateResult | typeof nothing {
  return step.try > 1 ? html`<small title="try ${step.try}">×${step.try}</small>` : nothing;
}

/** The sign of a step that was not run, because the job that this one goes on from had done it. */
function keptMark(step: StepView): TemplateResult | typeof nothing {
  return step.kept
    ? html`<small class="cell-kept" title="Kept from the job that this one goes on from, not run again">kept</small>`
    : nothing;
}

const ROLLBACK_WORDS: Readonly<Record<string, string>> = {
  running: 'rolling back',
  succeeded: 'rolled back',
  failed: 'rollback failed',
};

/** The rollback of a target, across the columns that were never reached. */
export function rollbackCell(row: TargetRow, step: StepView, place: CellPlace): TemplateResult {
  const status = step.status === 'succeeded' ? 'rolled-back' : step.status;
  const words = ROLLBACK_WORDS[step.status] ?? 'rollback';
  // One column has room for the words alone.
  const time = (place.span ?? 1) > 1 ? stepTime(step) : nothing;
  const content = html`${glyph(status)}<span class="clip">${words}</span>${time}`;
  return cellView(row, step.step, status, `${row.target}:`, content, place);
}

function spanColumns(element: Element | undefined, columns: number): void {
  if (element instanceof HTMLElement)
    element.style.gridColumn = columns > 1 ? `span ${columns}` : '';
}

/** A target's state in a few words: its current step, or its outcome. */
export function rowWords(row: TargetRow): TemplateResult | string {
  const { status, current, rollback } = row;
  if (status === 'failed') {
    const words = ROLLBACK_WORDS[rollback?.status ?? ''];
    return `${failedStep(row) ?? 'a step'} failed${words ? `, ${words}` : ''}`;
  }
  if (current?.place !== undefined) return `${current.step} waits for its turn on ${current.place}`;
  if (status === 'running' && current?.status === 'running') {
    return html`${current.step} ${stepTime(current)}`;
  }
  if (status === 'pending') return 'not started';
  if (status === 'skipped') return 'left out';
  return status === 'succeeded' ? 'done' : `${row.done} of ${row.of} steps`;
}

/** All steps of a target as a thin strip; the words next to it say the same. */
export function stepStrip(row: TargetRow, columns: readonly string[]): TemplateResult {
  return html`<span class="strip" aria-hidden="true">${columns.map(
    (name) => html`<i class="is-${row.cells.get(name)?.status ?? 'pending'}" title=${name}></i>`,
  )}</span>`;
}
