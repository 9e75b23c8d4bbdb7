/** The list of very many targets in parts, so that only those near the view are drawn. Pure. */

import { CHUNK_SIZE } from '../list/visible-chunks';
import type { RowGroup, TargetRow } from './target-rows';

/** A group's rows, or some of them; `head` is the group where its first row is among them. */
export interface MatrixPart {
  readonly head: RowGroup | null;
  readonly name: string;
  readonly rows: readonly TargetRow[];
  /** The place of the first row among all that are shown. */
  readonly from: number;
}

/** What is drawn together: `count` rows from `from` on. */
export interface MatrixChunk {
  readonly index: number;
  readonly from: number;
  readonly count: number;
  readonly parts: readonly MatrixPart[];
}

/** A group, and which of its rows are shown. */
export interface ShownGroup {
  readonly group: RowGroup;
  readonly rows: readonly TargetRow[];
}

/** Heights in px, as `matrix.css` has them. */
const [LINE, TALL_LINE, HEAD] = [24, 44, 32];

/** Cut the groups into chunks of `most` rows, across groups: there may be one for each target. */
export function chunkRows(groups: readonly ShownGroup[], most = CHUNK_SIZE): MatrixChunk[] {
  const chunks: MatrixChunk[] = [];
  let [parts, from, at]: [MatrixPart[], number, number] = [[], 0, 0];
  const close = () => {
    if (parts.length) chunks.push({ index: chunks.length, from, count: at - from, parts });
    [parts, from] = [[], at];
  };
  for (const { group, rows } of groups) {
    for (let begin = 0; begin < rows.length; ) {
      const some = rows.slice(begin, begin + most - (at - from));
      const head = begin === 0 && group.name ? group : null;
      parts.push({ head, name: group.name, rows: some, from: at });
      begin += some.length;
      at += some.length;
      if (at - from >= most) close();
    }
  }
  close();
  return chunks;
}

/** About how high a chunk is that was never drawn. */
export function estimateHeight(chunk: MatrixChunk | undefined, narrow: boolean): number {
  if (!chunk) return 0;
  const heads = chunk.parts.filter((part) => part.head).length;
  return chunk.count * (narrow ? TALL_LINE : LINE) + heads * HEAD;
}
