/** The matrix of targets × steps; a cell opens the step's output. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import { glyph, LightElement, prefersReducedMotion } from '../elements/light-element';
import { useShortcuts } from '../elements/shortcuts';
import { VisibleChunks } from '../list/visible-chunks';
import { count } from '../text/format';
import { html } from '../text/html';
import { chunkRows, estimateHeight, type MatrixChunk, type MatrixPart } from './matrix-chunks';
import { cellRow, groupHead, stripRow } from './matrix-rows';
import type { RowGroup, TargetRow } from './target-rows';

/** With more targets, a row is a thin strip unless it has failed or is running. */
export const MAX_FULL_ROWS = 60;
const FILTERS = ['all', 'failed', 'running'] as const;
type Filter = (typeof FILTERS)[number];

/** The step whose output is shown below the matrix. */
export interface OpenStep {
  readonly target: string;
  readonly step: string;
}

/** `<reprise-matrix .groups .columns .opened live>`: dispatches `open` (OpenStep) when a cell is chosen. */
@customElement('reprise-matrix')
export class Matrix extends LightElement {
  @property({ attribute: false }) groups: readonly RowGroup[] = [];
  @property({ attribute: false }) columns: readonly string[] = [];
  @property({ attribute: false }) opened: OpenStep | null = null;
  @property({ type: Boolean }) live = false;
  @state() private filter: Filter = 'all';
  @state() private searchText = '';
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

  private get showsCells(): boolean {
    return !this.isNarrow && this.rowCount <= MAX_FULL_ROWS;
  }

  private get rowCount(): number {
    return this.groups.reduce((sum, group) => sum + group.rows.length, 0);
  }

  private isShown(row: TargetRow): boolean {
    if (this.searchText && !row.target.includes(this.searchText)) return false;
    return this.filter === 'all' || row.status === this.filter;
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
    if (found) this.openStep(found);
    return found !== null;
  }

  private handleClick(event: MouseEvent): void {
    const found = (event.target as HTMLElement).closest<HTMLElement>('[data-r]');
    if (found) this.openStep(found);
  }

  private openStep({ dataset }: HTMLElement): void {
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
    if (changed.has('filter') || changed.has('searchText') || changed.has('isNarrow')) {
      this.visibleChunks.resetHeights();
    }
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
    const groups = this.groups.map((group) => ({
      group,
      rows: group.rows.filter((row) => this.isShown(row)),
    }));
    this.chunks = chunkRows(groups, this.showsCells ? Number.POSITIVE_INFINITY : undefined);
    const rows = groups.reduce((sum, group) => sum + group.rows.length, 0);
    return html`${this.toolbar()}
      <div class="matrix ${this.showsCells ? '' : 'is-list'}" role="grid" aria-label="Servers and steps"
        aria-rowcount=${this.showsCells ? nothing : rows} @click=${this.handleClick} @focusin=${this.handleFocus}>
        ${this.showsCells ? this.headRow() : nothing}
        ${repeat(
          this.chunks,
          (chunk) => chunk.index,
          (chunk) => this.chunkView(chunk),
        )}
      </div>
      ${rows ? nothing : html`<p class="matrix-empty muted">${this.emptyWords()}</p>`}`;
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
    </div>`;
  }

  private emptyWords(): string {
    if (this.searchText) return `No server’s name contains “${this.searchText}”.`;
    if (this.filter === 'failed') return 'No server has failed.';
    return this.filter === 'running' ? 'No server is running now.' : 'No steps yet.';
  }

  private headRow(): TemplateResult {
    return html`<div class="matrix-row matrix-head" role="row">
      <div class="matrix-name" role="columnheader"><span class="away">Server</span></div>
      ${this.columns.map((name) => html`<div role="columnheader" class="clip" title=${name}>${name}</div>`)}
      <div role="columnheader" class="number">total</div>
    </div>`;
  }

  private partView({ head, name, rows, from }: MatrixPart): TemplateResult {
    return html`${head ? groupHead(head) : nothing}
      <div class="matrix-rows" role="rowgroup" aria-label=${name || 'servers'}>
        ${repeat(
          rows,
          (row) => row.target,
          (row, i) => {
            const index = from + i;
            const tab = this.focusedCell.row === index ? this.focusedCell.column : -1;
            const open = this.opened?.target === row.target ? this.opened.step : '';
            const shape = [row, this.columns, index, tab, open, this.showsCells, this.isNarrow];
            return guard(shape, () => this.rowView(row, index, tab, open));
          },
        )}
      </div>`;
  }

  private rowView(row: TargetRow, index: number, tab: number, open: string): TemplateResult {
    const { columns, isNarrow } = this;
    const busy = row.status === 'failed' || row.status === 'running';
    const view = { row, columns, index, tab, open, isPartial: !this.showsCells };
    return this.showsCells || (busy && !isNarrow) ? cellRow(view) : stripRow(view, !isNarrow);
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
