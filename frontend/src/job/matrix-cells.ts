/** What a row of the matrix consists of: cells, strips, and the words of a target's state. */

import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { StepView } from '../client';
import { glyph } from '../elements/light-element';
import { statusWord } from '../text/event-words';
import { duration } from '../text/format';
import type { TargetRow } from './target-rows';

/** Where a cell stands and what it does; `tab` is the one cell that Tab reaches. */
export interface CellPlace {
  readonly row: number;
  readonly column: number;
  readonly tab: boolean;
  readonly open: boolean;
}

/** One step on one target: its glyph and how long it took; counting where it runs. */
export function stepCell(
  row: TargetRow,
  name: string,
  step: StepView | undefined,
  place: CellPlace,
): TemplateResult {
  const status = cellStatus(step);
  return html`<div class="cell is-${status} ${place.open ? 'is-open' : ''}" role="gridcell"
    tabindex=${place.tab ? 0 : -1} data-r=${place.row} data-c=${place.column}
    data-target=${row.target} data-step=${name} aria-label=${cellLabel(row, name, step)}
    >${step ? html`${glyph(status)}${stepTime(step)}${tryCount(step)}` : nothing}</div>`;
}

/** A cell in words: what a screen reader says. */
function cellLabel(row: TargetRow, name: string, step: StepView | undefined): string {
  const took = step?.seconds == null ? '' : `, ${duration(step.seconds)}`;
  const tried = step && step.try > 1 ? `, try ${step.try}` : '';
  return `${row.target || 'job'}, ${name}: ${statusWord(cellStatus(step))}${took}${tried}`;
}

/** How a cell looks: one that runs only once its host has room is waiting until then. */
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

/** What undid a target's steps, across `columns` columns that were never reached. */
export function rollbackCell(
  row: TargetRow,
  step: StepView,
  place: CellPlace,
  columns: number,
): TemplateResult {
  const word = { running: 'rolling back', succeeded: 'rolled back', failed: 'rollback failed' };
  const status = step.status === 'succeeded' ? 'rolled-back' : step.status;
  const words = word[step.status as keyof typeof word] ?? 'rollback';
  return html`<div class="cell is-${status} ${place.open ? 'is-open' : ''}" role="gridcell"
    tabindex=${place.tab ? 0 : -1} data-r=${place.row} data-c=${place.column}
    data-target=${row.target} data-step=${step.step} aria-label="${row.target}: ${words}"
    ${ref((element) => spanColumns(element, columns))}
    >${glyph(status)}<span>${words}</span>${stepTime(step)}</div>`;
}

function spanColumns(element: Element | undefined, columns: number): void {
  if (element instanceof HTMLElement) element.style.gridColumn = `span ${columns}`;
}

/** How a target fares, in a few words: its current step, or how it ended. */
export function rowWords(row: TargetRow): TemplateResult | string {
  const { status, current, rollback } = row;
  if (status === 'failed') {
    const failed = [...row.cells.values()].findLast((step) => step.status === 'failed');
    const undone = {
      running: ', rolling back',
      succeeded: ', rolled back',
      failed: ', rollback failed',
    };
    const tail = rollback ? (undone[rollback.status as keyof typeof undone] ?? '') : '';
    return `${failed?.step ?? 'a step'} failed${tail}`;
  }
  if (current?.place !== undefined) return `${current.step} waits for its turn on ${current.place}`;
  if (status === 'running' && current?.status === 'running') {
    return html`${current.step} ${stepTime(current)}`;
  }
  if (status === 'pending') return 'not started';
  if (status === 'skipped') return 'left out';
  return status === 'succeeded' ? 'done' : `${row.done} of ${row.of} steps`;
}

/** All steps of a target as one thin strip; the words beside it say the same. */
export function stepStrip(row: TargetRow, columns: readonly string[]): TemplateResult {
  return html`<span class="strip" aria-hidden="true">${columns.map(
    (name) => html`<i class="is-${row.cells.get(name)?.status ?? 'pending'}" title=${name}></i>`,
  )}</span>`;
}
