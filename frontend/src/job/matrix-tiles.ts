/** The overview of a large run: a tile for each target; one Tab stop, and arrows move in it. */

import type { TemplateResult } from 'lit';
import { svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ref } from 'lit/directives/ref.js';
import { LightElement } from '../elements/light-element';
import { statusWord } from '../text/event-words';
import { count } from '../text/format';
import { html } from '../text/html';
import type { OpenStep } from './matrix';
import { failedStep, type RowGroup } from './target-rows';
import { layoutTiles, nextTile, TILE, type Tile, tilePaths } from './tile-layout';

/** `<reprise-tiles .groups>`: dispatches `open` (OpenStep) when a tile is chosen. */
@customElement('reprise-tiles')
export class MatrixTiles extends LightElement {
  @property({ attribute: false }) groups: readonly RowGroup[] = [];
  @state() private columns = 60;
  @state() private active = 0;
  /** The tile under the pointer, if any. */
  @state() private pointed: number | null = null;
  private tiles: readonly Tile[] = [];
  private readonly observer = new ResizeObserver(() => {
    this.columns = Math.max(8, Math.floor(this.clientWidth / TILE));
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  override render(): TemplateResult {
    this.tiles = layoutTiles(this.groups, this.columns);
    const active = Math.min(this.active, this.tiles.length - 1);
    const [width, height] = [this.columns * TILE, ((this.tiles.at(-1)?.line ?? 0) + 1) * TILE];
    return html`<div class="tiles" role="listbox" tabindex="0" aria-activedescendant="tile-active"
        aria-label="Overview of ${count(this.tiles.length)} servers" @keydown=${this.handleKey}
        @click=${this.handleClick} @mousemove=${this.handleMove} @mouseleave=${this.handleLeave}>
        <svg width=${width} height=${height} aria-hidden="true">${[...tilePaths(this.tiles)].map(
          ([status, { boxes, marks }]) =>
            svg`<path class="tile-box is-${status}" d=${boxes} /><path class="tile-mark is-${status}" d=${marks} />`,
        )}</svg>
        <div class="tile-active" id="tile-active" role="option" aria-selected="true" aria-posinset=${active + 1}
          aria-setsize=${this.tiles.length} aria-label=${this.wordsOf(active)}
          ${ref((element) => this.placeActive(element, active))}></div>
      </div>
      <p class="tiles-words muted" aria-hidden="true">${this.wordsOf(this.pointed ?? active)}</p>`;
  }

  private placeActive(element: Element | undefined, index: number): void {
    const tile = this.tiles[index];
    if (tile && element instanceof HTMLElement)
      element.style.translate = `${tile.column * TILE}px ${tile.line * TILE}px`;
  }

  private wordsOf(index: number): string {
    const tile = this.tiles[index];
    if (!tile) return '';
    const { row, group } = tile;
    const step = row.status === 'failed' ? failedStep(row) : row.current?.step;
    const at = step && ['failed', 'running'].includes(row.status) ? ` at ${step}` : '';
    return [row.target, group, `${statusWord(row.status)}${at}`].filter(Boolean).join(' · ');
  }

  private handleKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' || event.key === ' ') this.openTile(this.active);
    const next = nextTile(this.tiles, this.active, event.key);
    if (next !== null) this.moveTo(next);
    if (next !== null || event.key === 'Enter' || event.key === ' ') event.preventDefault();
  }

  private moveTo(index: number): void {
    this.active = index;
    this.pointed = null;
    void this.updateComplete.then(() =>
      this.querySelector('.tile-active')?.scrollIntoView({ block: 'nearest' }),
    );
  }

  private handleClick(event: MouseEvent): void {
    const index = this.tileAt(event);
    if (index === null) return;
    this.active = index;
    this.openTile(index);
  }

  private handleMove(event: MouseEvent): void {
    this.pointed = this.tileAt(event);
  }

  private handleLeave(): void {
    this.pointed = null;
  }

  private tileAt({ clientX, clientY }: MouseEvent): number | null {
    const box = this.querySelector('svg')?.getBoundingClientRect();
    const [column, line] = [clientX - (box?.left ?? 0), clientY - (box?.top ?? 0)].map((px) =>
      Math.floor(px / TILE),
    );
    const found = this.tiles.findIndex((tile) => tile.line === line && tile.column === column);
    return found < 0 ? null : found;
  }

  private openTile(index: number): void {
    const row = this.tiles[index]?.row;
    const step = row && (failedStep(row) ?? row.current?.step);
    if (!row || !step) return;
    const detail: OpenStep = { target: row.target, step };
    this.dispatchEvent(new CustomEvent('open', { detail }));
  }
}
