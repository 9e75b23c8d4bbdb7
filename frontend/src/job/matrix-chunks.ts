/** Cuts long lists of targets into chunks, so that only those near the viewport are rendered. Pure. */

import { CHUNK_SIZE } from '../list/visible-chunks';
import type { RowGroup, TargetRow } from './target-rows';

/** Some rows of a group; `head` is the group if they begin with its head. */
export interface MatrixPart {
  readonly head: RowGroup | null;
  readonly name: string;
  readonly rows: readonly TargetRow[];
  /** The index of the first row among all lines; a foldable head has the index before it. */
  readonly from: number;
}

/** Lines that are rendered together: `count` of them from index `from`. */
export interface MatrixChunk {
  readonly index: number;
  readonly from: number;
  readonly count: number;
  readonly parts: readonly MatrixPart[];
}

/** A group, and those of its rows that are shown. The head of a foldable one is a line of its own. */
export interface ShownGroup {
  readonly group: RowGroup;
  readonly rows: readonly TargetRow[];
  readonly foldable?: boolean;
}

/** Heights in px, as `matrix.css` has them. */
const [LINE, TALL_LINE, HEAD] = [24, 44, 32];

/** Cut the groups into chunks of `most` lines. A chunk may span groups, which may have one row each. */
export function chunkRows(groups: readonly ShownGroup[], most = CHUNK_SIZE): MatrixChunk[] {
  const chunks: MatrixChunk[] = [];
  let [parts, from, at]: [MatrixPart[], number, number] = [[], 0, 0];
  const close = () => {
    if (parts.length) chunks.push({ index: chunks.length, from, count: at - from, parts });
    [parts, from] = [[], at];
  };
  for (const { group, rows, foldable = false } of groups) {
    let head = group.name ? group : null;
    let begin = 0;
    while (begin < rows.length || (head && foldable)) {
      const own = head && foldable ? 1 : 0;
      const some = rows.slice(begin, begin + most - (at - from) - own);
      parts.push({ head, name: group.name, rows: some, from: at + own });
      head = null;
      begin += some.length;
      at += own + some.length;
      if (at - from >= most) close();
    }
  }
  close();
  return chunks;
}

/** Estimate the height of a chunk that was never rendered. */
export function estimateHeight(chunk: MatrixChunk | undefined, narrow: boolean): number {
  if (!chunk) return 0;
  const heads = chunk.parts.filter((part) => part.head).length;
  const rows = chunk.parts.reduce((sum, part) => sum + part.rows.length, 0);
  return rows * (narrow ? TALL_LINE : LINE) + heads * HEAD;
}
