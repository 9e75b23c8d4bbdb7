/** The matrix of targets × steps: what every server does now, and one key from its output. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import { glyph, Plain, still } from '../elements/light-element';
import { listen } from '../elements/shortcuts';
import { Sight } from '../list/visible-chunks';
import { count } from '../text/format';
import { guessed, type MatrixChunk, type MatrixPart, matrixChunks } from './matrix-chunks';
import { cellRow, groupHead, lineRow } from './matrix-rows';
import type { Row, RowGroup } from './target-rows';

/** Past this many targets a row is a thin strip, unless it fails or runs. */
export const MANY = 60;
const FILTERS = ['all', 'failed', 'running'] as const;
type Filter = (typeof FILTERS)[number];

/** What is shown below the matrix. */
export interface Opened {
  readonly target: string;
  readonly step: string;
}

/** `<reprise-matrix .groups .columns .opened live>`; tells `open` (Opened) when a cell is chosen. */
@customElement('reprise-matrix')
export class Matrix extends Plain {
  @property({ attribute: false }) groups: readonly RowGroup[] = [];
  @property({ attribute: false }) columns: readonly string[] = [];
  @property({ attribute: false }) opened: Opened | null = null;
  @property({ type: Boolean }) live = false;
  @state() private filter: Filter = 'all';
  @state() private sought = '';
  @state() private at = { row: 0, column: 0 };
  @state() private narrow = false;

  private readonly phone = matchMedia('(width < 720px)');
  private seen = new Map<string, Row>();
  private unlisten: (() => void) | undefined;
  private readonly sight = new Sight(() => this.requestUpdate());
  private chunks: readonly MatrixChunk[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.narrow = this.phone.matches;
    this.phone.addEventListener('change', this.resized);
    this.unlisten = listen([
      { keys: ['ArrowUp', 'k'], does: 'Server above', run: (e) => this.move(e, -1, 0) },
      { keys: ['ArrowDown', 'j'], does: 'Server below', run: (e) => this.move(e, 1, 0) },
      { keys: ['ArrowLeft'], does: 'Step before', run: (e) => this.move(e, 0, -1) },
      { keys: ['ArrowRight'], does: 'Step after', run: (e) => this.move(e, 0, 1) },
      { keys: ['Enter', ' '], does: 'Open the step’s output', run: (e) => this.enter(e) },
      { keys: ['a'], does: 'All, failed or running servers', run: () => this.nextFilter() },
    ]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.phone.removeEventListener('change', this.resized);
    this.unlisten?.();
    this.sight.stop();
  }

  private readonly resized = (): void => {
    this.narrow = this.phone.matches;
  };

  private get cells(): boolean {
    return !this.narrow && this.total <= MANY;
  }

  private get total(): number {
    return this.groups.reduce((sum, group) => sum + group.rows.length, 0);
  }

  private shown(row: Row): boolean {
    if (this.sought && !row.target.includes(this.sought)) return false;
    return this.filter === 'all' || row.status === this.filter;
  }

  private move(event: KeyboardEvent, rows: number, columns: number): boolean {
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

  private focused(event: FocusEvent): void {
    const found = (event.target as HTMLElement).closest<HTMLElement>('[data-r]');
    if (found) this.at = { row: Number(found.dataset.r), column: Number(found.dataset.c) };
  }

  private enter(event: KeyboardEvent): boolean {
    const found = (event.target as HTMLElement).closest<HTMLElement>('reprise-matrix [data-r]');
    if (found) this.choose(found);
    return found !== null;
  }

  private clicked(event: MouseEvent): void {
    const found = (event.target as HTMLElement).closest<HTMLElement>('[data-r]');
    if (found) this.choose(found);
  }

  private choose({ dataset }: HTMLElement): void {
    const detail: Opened = { target: dataset.target ?? '', step: dataset.step ?? '' };
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
    if (changed.has('filter') || changed.has('sought') || changed.has('narrow')) {
      this.sight.forget();
    }
    const all = this.querySelectorAll<HTMLElement>('[data-chunk]');
    const scroller = this.narrow ? null : this.querySelector('.matrix');
    this.sight.watch(scroller, all, (index) => guessed(this.chunks[index], this.narrow));
    if (changed.has('groups')) this.flash();
  }

  /** Let each cell that has changed since the last time light up once. */
  private flash(): void {
    const before = this.seen;
    const groups = this.cells ? this.groups : [];
    this.seen = new Map(groups.flatMap((g) => g.rows.map((row) => [row.target, row] as const)));
    if (!this.live || still()) return;
    for (const [target, row] of this.seen) {
      const old = before.get(target);
      if (!old || old === row) continue;
      for (const [name, step] of row.cells) {
        if (old.cells.get(name)?.status !== step.status) this.light(target, name);
      }
    }
  }

  private light(target: string, step: string): void {
    const at = `[data-target="${CSS.escape(target)}"][data-step="${CSS.escape(step)}"]`;
    const colour = getComputedStyle(this).getPropertyValue('--accent-soft');
    this.querySelector(at)?.animate([{ background: colour }, {}], { duration: 150 });
  }

  override render(): TemplateResult {
    const groups = this.groups.map((group) => ({
      group,
      rows: group.rows.filter((row) => this.shown(row)),
    }));
    this.chunks = matrixChunks(groups, this.cells ? Number.POSITIVE_INFINITY : undefined);
    const rows = groups.reduce((sum, group) => sum + group.rows.length, 0);
    return html`${this.tools()}
      <div class="matrix ${this.cells ? '' : 'is-list'}" role="grid" aria-label="Servers and steps"
        aria-rowcount=${this.cells ? nothing : rows} @click=${this.clicked} @focusin=${this.focused}>
        ${this.cells ? this.head() : nothing}
        ${repeat(
          this.chunks,
          (chunk) => chunk.index,
          (chunk) => this.chunk(chunk),
        )}
      </div>
      ${rows ? nothing : html`<p class="matrix-empty muted">${this.emptyWords()}</p>`}`;
  }

  /** A part of the list: drawn where it is near the view, and where Tab leads to. */
  private chunk(chunk: MatrixChunk): TemplateResult {
    const { index, from, count } = chunk;
    const holdsFocus = from <= this.at.row && this.at.row < from + count;
    const drawn = this.cells || holdsFocus || this.sight.has(index);
    return html`<div data-chunk=${index} role="presentation">${
      drawn ? chunk.parts.map((part) => this.partView(part)) : nothing
    }</div>`;
  }

  private tools(): TemplateResult {
    const rows = this.groups.flatMap((group) => group.rows);
    const of = (filter: Filter) => rows.filter((row) => row.status === filter).length;
    const numbers = { all: rows.length, failed: of('failed'), running: of('running') };
    return html`<div class="matrix-tools">
      <div class="segments" role="group" aria-label="Which servers">
        ${FILTERS.map(
          (filter) => html`<button class="segment" aria-pressed=${this.filter === filter}
            @click=${() => {
              this.filter = filter;
            }}>${filter === 'all' ? 'All' : statusSegment(filter)} <span>${count(numbers[filter])}</span></button>`,
        )}
      </div>
      ${
        rows.length > 24
          ? html`<input class="field matrix-find" type="search" placeholder="Find a server" aria-label="Find a server"
              @input=${(e: Event) => {
                this.sought = (e.target as HTMLInputElement).value.trim();
              }} />`
          : nothing
      }
    </div>`;
  }

  private emptyWords(): string {
    if (this.sought) return `No server’s name contains “${this.sought}”.`;
    if (this.filter === 'failed') return 'No server has failed.';
    return this.filter === 'running' ? 'No server is being worked on just now.' : 'No steps yet.';
  }

  private head(): TemplateResult {
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
            const tab = this.at.row === index ? this.at.column : -1;
            const open = this.opened?.target === row.target ? this.opened.step : '';
            const shape = [row, this.columns, index, tab, open, this.cells, this.narrow];
            return guard(shape, () => this.row(row, index, tab, open));
          },
        )}
      </div>`;
  }

  private row(row: Row, index: number, tab: number, open: string): TemplateResult {
    const { columns, narrow } = this;
    const busy = row.status === 'failed' || row.status === 'running';
    const view = { row, columns, index, tab, open, listed: !this.cells };
    return this.cells || (busy && !narrow) ? cellRow(view) : lineRow(view, !narrow);
  }
}

function statusSegment(filter: Filter): TemplateResult {
  const name = filter === 'failed' ? 'Failed' : 'Running';
  return html`<span class="toned is-${filter}">${glyph(filter)}</span>${name}`;
}

/** The cell that an arrow leads to; a row of another shape is entered where it is nearest. */
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
