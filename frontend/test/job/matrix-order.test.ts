import { expect, test } from 'vitest';
import { listRows, type RowChoice } from '../../src/job/matrix-order';
import type { RowStatus, TargetRow } from '../../src/job/target-rows';

const NOW = Date.parse('2026-11-29T12:01:00Z');
const plain: RowChoice = {
  filter: 'all',
  searchText: '',
  sort: 'plan',
  folds: true,
  unfolded: new Set(),
};

function row(target: string, status: RowStatus, seconds: number | null = null): TargetRow {
  const at = (s: number) => new Date(NOW - s * 1000).toISOString();
  return {
    ...{ target, label: target, status, cells: new Map(), rollback: null, current: null },
    startedAt: seconds === null ? null : at(seconds),
    finishedAt: seconds === null || status === 'running' ? null : at(0),
    done: 0,
    of: 1,
  };
}

const groups = [
  { name: 'canary', rows: [row('a', 'succeeded', 3)] },
  { name: 'rest', rows: [row('b', 'failed', 9), row('c', 'running', 20), row('d', 'pending')] },
];
const shown = (choice: Partial<RowChoice>) =>
  listRows(groups, { ...plain, ...choice }, NOW).map(({ rows }) => rows.map((one) => one.target));

test('groups are folded down to what has failed or runs, unless they were unfolded', () => {
  expect(shown({})).toEqual([[], ['b', 'c']]);
  expect(shown({ unfolded: new Set(['rest']) })).toEqual([[], ['b', 'c', 'd']]);
});

test('a filter, a search and a small run fold nothing', () => {
  expect(shown({ filter: 'failed' })).toEqual([[], ['b']]);
  expect(shown({ searchText: 'd' })).toEqual([[], ['d']]);
  expect(shown({ folds: false })).toEqual([['a'], ['b', 'c', 'd']]);
});

test('they are sorted by what needs somebody, or by how long they take', () => {
  expect(shown({ sort: 'failed' })).toEqual([['b', 'c', 'd', 'a']]);
  expect(shown({ sort: 'slowest' })).toEqual([['c', 'b', 'a', 'd']]);
});
