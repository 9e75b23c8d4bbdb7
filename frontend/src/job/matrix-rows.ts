/** The rows of the matrix: with a cell for each step, or as thin lines if there are many or little room. */

import { nothing, type TemplateResult } from 'lit';
import { glyph } from '../elements/light-element';
import { statusWord } from '../text/event-words';
import { count, duration, plural } from '../text/format';
import { html } from '../text/html';
import { resultCell, rollbackCell, rowWords, stepCell, stepStrip } from './matrix-cells';
import { rowSeconds } from './matrix-order';
import { median } from './run-model';
import type { RowGroup, TargetRow } from './target-rows';

/** A row and its position: `tab` is the column that the Tab key reaches (-1: none), `open` the open step. */
export interface RowView {
  readonly row: TargetRow;
  readonly columns: readonly string[];
  readonly index: number;
  readonly tab: number;
  readonly open: string;
  /** Whether only some of the rows are rendered. */
  readonly isPartial: boolean;
}

/** The head of a group: its name, and how many of its targets have finished. */
export function groupHead({ name, rows }: RowGroup): TemplateResult {
  const over = rows.filter((row) => row.status !== 'pending' && row.finishedAt).length;
  const words = over ? `${count(over)} of ${count(rows.length)}` : plural(rows.length, 'server');
  return html`<div class="matrix-group" role="row"><div role="rowheader">${name}
    <span class="muted">${words}</span></div></div>`;
}

const SUMMED = ['succeeded', 'failed', 'running', 'cancelled', 'skipped', 'pending'] as const;

/** `20 ✓`; targets whose turn has not come have no glyph that tells it. */
function statusSum(status: string, rows: number): TemplateResult | typeof nothing {
  if (!rows) return nothing;
  if (status === 'pending') return html` · ${count(rows)} ${statusWord(status)}`;
  return html` · <span class="matrix-sum is-${status}">${count(rows)} ${glyph(status)}<span class="away">${statusWord(status)}</span></span>`;
}

/** The head of a group that can be folded: `batch 3 · 20 ✓ · median 0.5 s`. */
export function foldHead(
  { name, rows }: RowGroup,
  { index, tab, folded }: { index: number; tab: boolean; folded: boolean },
): TemplateResult {
  const numbers = SUMMED.map((status) => rows.filter((row) => row.status === status).length);
  const typical = median(
    rows.flatMap((row) => (row.status === 'succeeded' ? (rowSeconds(row, 0) ?? []) : [])),
  );
  return html`<div class="matrix-group is-foldable" role="row" aria-rowindex=${index + 1}><div role="rowheader"
    tabindex=${tab ? 0 : -1} aria-expanded=${folded ? 'false' : 'true'} data-r=${index} data-c="0" data-group=${name}
    >${glyph(folded ? 'right' : 'down')}<span>${name}</span>
    <span class="muted">${SUMMED.map((status, i) => statusSum(status, numbers[i] ?? 0))}${typical === null ? nothing : html` · median ${duration(typical)}`}</span></div></div>`;
}

/** A target with a cell for each step. */
export function cellRow(view: RowView): TemplateResult {
  return html`<div class="matrix-row" role="row" aria-rowindex=${view.isPartial ? view.index + 1 : nothing}>
    <div class="matrix-name" role="rowheader">${rowName(view.row)}</div>
    ${rowCells(view)}<div class="number matrix-total" role="gridcell">${totalTime(view.row)}</div></div>`;
}

/** A target of a kind with one step: its result, how long it took, and the last line that it wrote. */
export function resultRow(view: RowView, lastLine: string): TemplateResult {
  const { row, index, tab, open } = view;
  const place = { row: index, column: 0, tab: tab >= 0, open: open !== '' };
  return html`<div class="matrix-row" role="row" aria-rowindex=${view.isPartial ? index + 1 : nothing}>
    <div class="matrix-name" role="rowheader">${rowName(row)}</div>
    ${resultCell(row, view.columns[0] ?? '', place)}<div class="number matrix-total" role="gridcell">${totalTime(row)}</div>
    <div role="gridcell" class="matrix-last mono muted"><span class="clip">${lastLine}</span></div></div>`;
}

/** A target on one line: a strip of its steps if there is room, and its state in words. */
export function stripRow(
  { row, columns, index, tab, open }: RowView,
  room: boolean,
): TemplateResult {
  const step = row.current?.step ?? columns[0] ?? '';
  return html`<div class="matrix-line is-${row.status} ${open ? 'is-open' : ''}" role="row" aria-rowindex=${index + 1}
    tabindex=${tab === 0 ? 0 : -1} data-r=${index} data-c="0" data-target=${row.target} data-step=${step}>
    <div class="matrix-name" role="rowheader">${rowName(row)}</div>
    ${room ? html`<div role="gridcell">${stepStrip(row, columns)}</div>` : nothing}
    <div role="gridcell" class="matrix-words">${rowWords(row)}</div>
    <div role="gridcell" class="number matrix-total">${totalTime(row)}</div></div>`;
}

function rowName(row: TargetRow): TemplateResult {
  const words = `${row.target || 'run'}: ${statusWord(row.status)}`;
  return html`<span class="status is-${row.status}" title=${words}>${glyph(row.status)}
    <span class="mono clip">${row.label}</span></span>`;
}

function rowCells({ row, columns, index, tab, open }: RowView): TemplateResult[] {
  const drawn: TemplateResult[] = [];
  const gap = row.rollback ? gapAfterFailure(row, columns) : null;
  for (let i = 0; i < columns.length; i += 1) {
    const name = columns[i] ?? '';
    const place = { row: index, column: i, tab: tab === i, open: open === name };
    if (gap && row.rollback && i === gap.from) {
      const wide = { ...place, open: open === row.rollback.step, span: gap.length };
      drawn.push(rollbackCell(row, row.rollback, wide));
      i += gap.length - 1;
    } else {
      drawn.push(stepCell(row, name, row.cells.get(name), place));
    }
  }
  return drawn;
}

function totalTime(row: TargetRow): TemplateResult | typeof nothing {
  if (!row.startedAt) return nothing;
  return html`<reprise-since at=${row.startedAt} until=${row.finishedAt ?? nothing}></reprise-since>`;
}

/** The columns after the failed one that were never reached; the rollback is shown there. */
function gapAfterFailure(
  row: TargetRow,
  columns: readonly string[],
): { from: number; length: number } | null {
  const failed = columns.findLastIndex((name) => row.cells.get(name)?.status === 'failed');
  let until = failed + 1;
  while (until < columns.length && !row.cells.has(columns[until] ?? '')) until += 1;
  return until > failed + 1 ? { from: failed + 1, length: until - failed - 1 } : null;
}
