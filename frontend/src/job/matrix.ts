/** The matrix of targets × steps; a cell opens the step's output. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import { glyph, LightElement, prefersReducedMotion } from '../elements/light-element';
import { serverClock } from '../elements/server-clock';
import { useShortcuts } from '../elements/shortcuts';
import { VisibleChunks } from '../list/visible-chunks';
import { count } from '../text/format';
import { html } from '../text/html';
import { chunkRows, estimateHeight, type MatrixChunk, type MatrixPart } from './matrix-chunks';
import { FILTERS, type Filter, isBusy, listRows, SORTS, type Sort } from './matrix-order';
import { cellRow, foldHead, groupHead, type RowView, resultRow, stripRow } from './matrix-rows';
import type { RowGroup, TargetRow } from './target-rows';
import './matrix-tiles';

/** With more targets there is an overview, and groups are folded to what has failed or runs. */
const MAX_FULL_ROWS = 60;
const SORT_LABELS: Readonly<Record<Sort, string>> = {
  plan: 'By group',
  failed: 'Failed first',
  slowest: 'Slowest first',
};

/** The step whose output is shown below the matrix. */
export interface OpenStep {
  readonly target: string;
  readonly step: string;
}

/**
 * `<reprise-matrix .groups .columns .opened .lastLine live>`: dispatches `open` (OpenStep) when a cell is
 * chosen. `lastLine` returns the last line that a step has written, for kinds with one step.
 */
@customElement('reprise-matrix')
export class Matrix extends LightElement {
  @property({ attribute: false }) groups: readonly RowGroup[] = [];
  @property({ attribute: false }) columns: readonly string[] = [];
  @property({ attribute: false }) opened: OpenStep | null = null;
  @property({ attribute: false }) lastLine: (target: string, step: string) => string = () => '';
  @property({ type: Boolean }) live = false;
  @state() private filter: Filter = 'all';
  @state() private searchText = '';
  @state() private sort: Sort = 'plan';
  @state() private unfolded: ReadonlySet<string> = new Set();
  @state() private focusedCell = { row: 0, column: 0 };
  @state() private isNarrow = false;

  private readonly phone = matchMedia('(width < 720px)');
  private previousRows = new Map<string, TargetRow>();
  private readonly visibleChunks = new VisibleChunks(() => this.requestUpdate());
  private chunks: readonly MatrixChunk[] = [];

  constructor() {
    super();
    useShortcuts(this, [
      { keys: ['ArrowUp', 'k'], label: 'Server above', run: (e) => this.moveFocus(e, -1, 0) },
      { keys: ['ArrowDown', 'j'], label: 'Server below', run: (e) => this.moveFocus(e, 1, 0) },
      { keys: ['ArrowLeft'], label: 'Step before', run: (e) => this.moveFocus(e, 0, -1) },
      { keys: ['ArrowRight'], label: 'Step after', run: (e) => this.moveFocus(e, 0, 1) },
      { keys: ['Enter', ' '], label: 'Open the step’s output', run: (e) => this.openFocused(e) },
      { keys: ['a'], label: 'All, failed or running servers', run: () => this.nextFilter() },
    ]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.isNarrow = this.phone.matches;
    this.phone.addEventListener('change', this.handleResize);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.phone.removeEventListener('change', this.handleResize);
    this.visibleChunks.disconnect();
  }

  private readonly handleResize = (): void => {
    this.isNarrow = this.phone.matches;
  };

  private get isLarge(): boolean {
    return this.rowCount > MAX_FULL_ROWS;
  }

  private get showsCells(): boolean {
    return !this.isNarrow && !this.isLarge;
  }

  /** The columns, without those of the job's own steps if each target has but one. */
  private get stepColumns(): readonly string[] {
    const own = this.groups.flatMap((group) => group.rows).find((row) => row.target === '');
    const columns = this.columns.filter((name) => !own?.cells.has(name));
    return columns.length === 1 ? columns : this.columns;
  }

  private get rowCount(): number {
    return this.groups.reduce((sum, group) => sum + group.rows.length, 0);
  }

  private moveFocus(event: KeyboardEvent, rows: number, columns: number): boolean {
    if (!this.offsetParent) return false;
    const inside = this.contains(event.target as Node);
    if (!inside && !['j', 'k'].includes(event.key)) return false;
    const all = [...this.querySelectorAll<HTMLElement>('[data-r]')];
    const now = all.find((each) => each.tabIndex === 0) ?? all[0];
    const next = inside ? neighbour(all, now, rows, columns) : now;
    next?.focus();
    next?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    return next !== undefined;
  }

  private handleFocus(event: FocusEvent): void {
    const found = (event.target as HTMLElement).closest<HTMLElement>('[data-r]');
    if (found) this.focusedCell = { row: Number(found.dataset.r), column: Number(found.dataset.c) };
  }

  private openFocused(event: KeyboardEvent): boolean {
    const found = (event.target as HTMLElement).closest<HTMLElement>('reprise-matrix [data-r]');
    if (found) this.openPlace(found);
    return found !== null;
  }

  private handleClick(event: MouseEvent): void {
    const found = (event.target as HTMLElement).closest<HTMLElement>('[data-r]');
    if (found) this.openPlace(found);
  }

  /** Open the output of a step, or fold a group. */
  private openPlace({ dataset }: HTMLElement): void {
    if (dataset.group !== undefined) {
      const unfolded = new Set(this.unfolded);
      if (!unfolded.delete(dataset.group)) unfolded.add(dataset.group);
      this.unfolded = unfolded;
      return;
    }
    const detail: OpenStep = { target: dataset.target ?? '', step: dataset.step ?? '' };
    if (detail.step) this.dispatchEvent(new CustomEvent('open', { detail }));
  }

  private nextFilter(): boolean {
    if (!this.offsetParent) return false;
    this.filter = FILTERS[(FILTERS.indexOf(this.filter) + 1) % FILTERS.length] ?? 'all';
    return true;
  }

  override updated(changed: PropertyValues): void {
    if (changed.has('columns')) {
      const steps = this.columns.length || 1;
      this.style.setProperty('--steps', String(steps));
    }
    const others = ['filter', 'searchText', 'sort', 'unfolded', 'isNarrow'];
    if (others.some((name) => changed.has(name))) this.visibleChunks.resetHeights();
    const all = this.querySelectorAll<HTMLElement>('[data-chunk]');
    const scroller = this.isNarrow ? null : this.querySelector('.matrix');
    this.visibleChunks.observe(scroller, all, (index) =>
      estimateHeight(this.chunks[index], this.isNarrow),
    );
    if (changed.has('groups')) this.flashChanges();
  }

  /** Flash each cell that has changed since the last update. */
  private flashChanges(): void {
    const before = this.previousRows;
    const groups = this.showsCells ? this.groups : [];
    this.previousRows = new Map(
      groups.flatMap((g) => g.rows.map((row) => [row.target, row] as const)),
    );
    if (!this.live || prefersReducedMotion()) return;
    for (const [target, row] of this.previousRows) {
      const old = before.get(target);
      if (!old || old === row) continue;
      for (const [name, step] of row.cells) {
        if (old.cells.get(name)?.status !== step.status) this.flashCell(target, name);
      }
    }
  }

  private flashCell(target: string, step: string): void {
    const at = `[data-target="${CSS.escape(target)}"][data-step="${CSS.escape(step)}"]`;
    const colour = getComputedStyle(this).getPropertyValue('--accent-soft');
    this.querySelector(at)?.animate([{ background: colour }, {}], { duration: 150 });
  }

  override render(): TemplateResult {
    const { showsCells, isLarge, filter, searchText, sort, unfolded } = this;
    const choice = { filter, searchText, sort, unfolded, folds: isLarge };
    const groups = listRows(this.groups, choice, serverClock.displayTime());
    this.chunks = chunkRows(groups, showsCells ? Number.POSITIVE_INFINITY : undefined);
    const lines = this.chunks.reduce((sum, chunk) => sum + chunk.count, 0);
    if (this.focusedCell.row >= lines) this.focusedCell = { row: 0, column: 0 };
    const kind = this.stepColumns.length === 1 ? 'is-results' : '';
    return html`${this.toolbar()}
      ${isLarge ? html`<reprise-tiles .groups=${this.groups} @open=${this.passOn}></reprise-tiles>` : nothing}
      <div class="matrix ${showsCells ? '' : 'is-list'} ${kind}" role="grid" aria-label="Servers and steps"
        aria-rowcount=${showsCells ? nothing : lines} @click=${this.handleClick} @focusin=${this.handleFocus}>
        ${this.isNarrow ? nothing : this.headRow()}
        ${repeat(
          this.chunks,
          (chunk) => chunk.index,
          (chunk) => this.chunkView(chunk),
        )}
      </div>
      ${lines ? nothing : html`<p class="matrix-empty muted">${this.emptyWords()}</p>`}`;
  }

  private passOn({ detail }: CustomEvent<OpenStep>): void {
    this.dispatchEvent(new CustomEvent('open', { detail }));
  }

  /** A chunk: rendered if it is near the viewport or contains the focused cell. */
  private chunkView(chunk: MatrixChunk): TemplateResult {
    const { index, from, count } = chunk;
    const holdsFocus = from <= this.focusedCell.row && this.focusedCell.row < from + count;
    const drawn = this.showsCells || holdsFocus || this.visibleChunks.isNear(index);
    return html`<div data-chunk=${index} role="presentation">${
      drawn ? chunk.parts.map((part) => this.partView(part)) : nothing
    }</div>`;
  }

  private toolbar(): TemplateResult {
    const rows = this.groups.flatMap((group) => group.rows);
    const of = (filter: Filter) => rows.filter((row) => row.status === filter).length;
    const numbers = { all: rows.length, failed: of('failed'), running: of('running') };
    return html`<div class="matrix-tools">
      <div class="segments" role="group" aria-label="Which servers">
        ${FILTERS.map(
          (filter) => html`<button class="segment" aria-pressed=${this.filter === filter}
            @click=${() => {
              this.filter = filter;
            }}>${filter === 'all' ? 'All' : filterLabel(filter)} <span>${count(numbers[filter])}</span></button>`,
        )}
      </div>
      ${
        rows.length > 24
          ? html`<input class="field matrix-find" type="search" placeholder="Find a server" aria-label="Find a server"
              @input=${(e: Event) => {
                this.searchText = (e.target as HTMLInputElement).value.trim();
              }} />`
          : nothing
      }
      ${this.isLarge ? this.sortControl() : nothing}
    </div>`;
  }

  private sortControl(): TemplateResult {
    return html`<select class="field matrix-sort" aria-label="Order of the servers" @change=${(
      e: Event,
    ) => {
      this.sort = (e.target as HTMLSelectElement).value as Sort;
    }}>${SORTS.map((sort) => html`<option value=${sort} ?selected=${sort === this.sort}>${SORT_LABELS[sort]}</option>`)}
    </select>`;
  }

  private emptyWords(): string {
    if (this.searchText) return `No server’s name contains “${this.searchText}”.`;
    if (this.filter === 'failed') return 'No server has failed.';
    return this.filter === 'running' ? 'No server is running now.' : 'No steps yet.';
  }

  private headRow(): TemplateResult {
    const columns = this.stepColumns;
    const total = html`<div role="columnheader" class="number">total</div>`;
    return html`<div class="matrix-row matrix-head" role="row">
      <div class="matrix-name" role="columnheader"><span class="away">Server</span></div>
      ${columns.map((name) => html`<div role="columnheader" class="clip" title=${name}>${name}</div>`)}
      ${total}
      ${columns.length === 1 ? html`<div role="columnheader">last line</div>` : nothing}
    </div>`;
  }

  private headView(head: RowGroup, index: number): TemplateResult {
    const folds = this.isLarge && this.sort === 'plan' && this.filter === 'all' && !this.searchText;
    if (!folds) return groupHead(head);
    const tab = this.focusedCell.row === index;
    return foldHead(head, { index, tab, folded: !this.unfolded.has(head.name) });
  }

  private partView({ head, name, rows, from }: MatrixPart): TemplateResult {
    return html`${head ? this.headView(head, from - 1) : nothing}
      <div class="matrix-rows" role="rowgroup" aria-label=${name || 'servers'}>
        ${repeat(
          rows,
          (row) => row.target,
          (row, i) => {
            const index = from + i;
            const tab = this.focusedCell.row === index ? this.focusedCell.column : -1;
            const open = this.opened?.target === row.target ? this.opened.step : '';
            const last = this.lastLineOf(row);
            const look = [this.columns, this.showsCells, this.isNarrow];
            return guard([row, index, tab, open, last, ...look], () =>
              this.rowView(
                { row, columns: this.stepColumns, index, tab, open, isPartial: !this.showsCells },
                last,
              ),
            );
          },
        )}
      </div>`;
  }

  /** The last line of a target's only step; what it failed of, before its output is here. */
  private lastLineOf(row: TargetRow): string {
    const [name, ...more] = this.stepColumns;
    if (name === undefined || more.length || this.isNarrow) return '';
    return this.lastLine(row.target, name) || (row.cells.get(name)?.error?.message ?? '');
  }

  private rowView(view: RowView, lastLine: string): TemplateResult {
    const { isNarrow } = this;
    if (isNarrow || !(this.showsCells || isBusy(view.row))) return stripRow(view, !isNarrow);
    return view.columns.length === 1 ? resultRow(view, lastLine) : cellRow(view);
  }
}

function filterLabel(filter: Filter): TemplateResult {
  const name = filter === 'failed' ? 'Failed' : 'Running';
  return html`<span class="toned is-${filter}">${glyph(filter)}</span>${name}`;
}

/** Return the cell that an arrow key leads to; in a row with fewer cells, the nearest one. */
function neighbour(
  all: readonly HTMLElement[],
  now: HTMLElement | undefined,
  rows: number,
  columns: number,
): HTMLElement | undefined {
  if (!now) return undefined;
  const row = Number(now.dataset.r) + rows;
  const column = Number(now.dataset.c) + columns;
  const own = all.filter((each) => Number(each.dataset.r) === row);
  return own.findLast((each) => Number(each.dataset.c) <= column) ?? own[0];
}
