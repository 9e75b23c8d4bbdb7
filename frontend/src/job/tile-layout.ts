/** Lays out the overview of a large run: a tile for each target, with a gap after each group. Pure. */

import type { RowGroup, RowStatus, TargetRow } from './target-rows';

/** The side of a tile in px, with the gap to the next one. */
export const TILE = 12;
const BOX = 10;

/** A target's place in the overview. */
export interface Tile {
  readonly row: TargetRow;
  readonly group: string;
  readonly line: number;
  readonly column: number;
}

/** What to draw for all tiles of a status: SVG paths of their boxes, and of the marks in them. */
export interface TilePaths {
  readonly boxes: string;
  readonly marks: string;
}

/** Place the targets in lines of `columns` tiles. */
export function layoutTiles(groups: readonly RowGroup[], columns: number): Tile[] {
  const tiles: Tile[] = [];
  let place = 0;
  for (const { name, rows } of groups) {
    for (const row of rows) {
      tiles.push({ row, group: name, line: Math.floor(place / columns), column: place % columns });
      place += 1;
    }
    // No gap at the start of a line, nor between groups of one.
    if (rows.length > 1 && place % columns) place += 1;
  }
  return tiles;
}

/** Draw the tiles of each status. */
export function tilePaths(tiles: readonly Tile[]): ReadonlyMap<RowStatus, TilePaths> {
  const paths = new Map<RowStatus, TilePaths>();
  for (const { row, line, column } of tiles) {
    const [x, y] = [column * TILE + 1, line * TILE + 1];
    const { boxes, marks } = paths.get(row.status) ?? { boxes: '', marks: '' };
    paths.set(row.status, {
      boxes: `${boxes}M${x} ${y}h${BOX}v${BOX}h-${BOX}z`,
      marks: `${marks}${markPath(row.status, x, y)}`,
    });
  }
  return paths;
}

/** What tells a status without its colour. */
function markPath(status: RowStatus, x: number, y: number): string {
  switch (status) {
    case 'failed':
      return `M${x + 2.5} ${y + 2.5}l5 5m0-5l-5 5`;
    case 'running':
      return `M${x + 3.5} ${y + 5}h3`;
    case 'cancelled':
    case 'skipped':
      return `M${x + 2.5} ${y + 7.5}l5-5`;
    default:
      return '';
  }
}

/** Return the index of the tile that a key leads to, or null if the key is not one that moves. */
export function nextTile(tiles: readonly Tile[], index: number, key: string): number | null {
  const last = tiles.length - 1;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'ArrowRight':
      return Math.min(last, index + 1);
    case 'ArrowUp':
      return tileInLine(tiles, index, -1);
    case 'ArrowDown':
      return tileInLine(tiles, index, 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** The tile in the line above or below: in the same column, or the last one before it. */
function tileInLine(tiles: readonly Tile[], index: number, by: number): number {
  const now = tiles[index];
  if (!now) return index;
  const line = now.line + by;
  const found = tiles.findLastIndex((tile) => tile.line === line && tile.column <= now.column);
  return found < 0 ? index : found;
}
