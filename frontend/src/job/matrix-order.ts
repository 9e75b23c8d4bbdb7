/** Which rows the matrix lists, and in which order. Pure: `now` is a parameter. */

import type { ShownGroup } from './matrix-chunks';
import type { RowGroup, TargetRow } from './target-rows';

export const FILTERS = ['all', 'failed', 'running'] as const;
export type Filter = (typeof FILTERS)[number];
export const SORTS = ['plan', 'failed', 'slowest'] as const;
export type Sort = (typeof SORTS)[number];

/** What the reader has asked for. */
export interface RowChoice {
  readonly filter: Filter;
  readonly searchText: string;
  readonly sort: Sort;
  /** Whether groups are folded down to what has failed or runs, unless they are in `unfolded`. */
  readonly folds: boolean;
  readonly unfolded: ReadonlySet<string>;
}

/** First what needs somebody, last what is well. */
const URGENCY = ['failed', 'running', 'cancelled', 'skipped', 'pending', 'succeeded'];

/** The groups with those of their rows that are shown; sorted rows are one group without a name. */
export function listRows(
  groups: readonly RowGroup[],
  choice: RowChoice,
  now: number,
): ShownGroup[] {
  const { filter, searchText, sort, folds, unfolded } = choice;
  const isShown = (row: TargetRow) =>
    row.target.includes(searchText) && (filter === 'all' || row.status === filter);
  if (folds && sort !== 'plan') {
    const rows = groups.flatMap((group) => group.rows).filter(isShown);
    const sorted = sort === 'failed' ? mostUrgent(rows) : slowest(rows, now);
    return [{ group: { name: '', rows: sorted }, rows: sorted }];
  }
  const foldable = folds && filter === 'all' && !searchText;
  return groups.map((group) => {
    const folded = foldable && group.name !== '' && !unfolded.has(group.name);
    const rows = group.rows.filter(folded ? isBusy : isShown);
    return { group, rows, foldable };
  });
}

/** Whether a row is listed even if its group is folded. */
export function isBusy(row: TargetRow): boolean {
  return row.status === 'failed' || row.status === 'running';
}

function mostUrgent(rows: readonly TargetRow[]): TargetRow[] {
  const rank = (row: TargetRow) => URGENCY.indexOf(row.status);
  return [...rows].sort((a, b) => rank(a) - rank(b));
}

function slowest(rows: readonly TargetRow[], now: number): TargetRow[] {
  return [...rows].sort((a, b) => (rowSeconds(b, now) ?? -1) - (rowSeconds(a, now) ?? -1));
}

/** How long a target has taken, or null before it has started. */
export function rowSeconds({ startedAt, finishedAt }: TargetRow, now: number): number | null {
  if (!startedAt) return null;
  return ((finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt)) / 1000;
}
