import { expect, test } from 'vitest';
import { TargetRows } from '../../src/job/target-rows';
import { layoutTiles, nextTile, tilePaths } from '../../src/job/tile-layout';

/** Tiles of groups of so many targets each, in lines of ten. */
function tiles(...sizes: number[]) {
  const groups = sizes.map((size, at) => ({
    name: `batch ${at}`,
    targets: Array.from({ length: size }, (_, i) => `gs-${at}-${i}`),
  }));
  return layoutTiles(new TargetRows({ steps: ['run'], groups, words: '' }).groups, 10);
}

const places = (all: ReturnType<typeof tiles>) => all.map(({ line, column }) => [line, column]);

test('groups follow each other with a gap, and none at the start of a line', () => {
  expect(places(tiles(2, 2))).toEqual([
    [0, 0],
    [0, 1],
    [0, 3],
    [0, 4],
  ]);
  expect(places(tiles(10, 1)).at(-1)).toEqual([1, 0]);
});

test('groups of one need no gap', () => {
  expect(places(tiles(1, 1, 1))).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
  ]);
});

test('arrows move along and across, and stay at the edges', () => {
  const all = tiles(25);
  expect(nextTile(all, 0, 'ArrowLeft')).toBe(0);
  expect(nextTile(all, 0, 'ArrowRight')).toBe(1);
  expect(nextTile(all, 8, 'ArrowDown')).toBe(18);
  expect(nextTile(all, 18, 'ArrowDown')).toBe(24); // the last line is shorter
  expect(nextTile(all, 24, 'ArrowDown')).toBe(24);
  expect(nextTile(all, 24, 'ArrowUp')).toBe(14);
  expect(nextTile(all, 3, 'End')).toBe(24);
  expect(nextTile(all, 3, 'x')).toBeNull();
});

test('ten thousand tiles are one path for each status', () => {
  const paths = tilePaths(tiles(...Array.from({ length: 10_000 }, () => 1)));
  expect([...paths.keys()]).toEqual(['pending']);
  expect(paths.get('pending')?.boxes.match(/M/g)).toHaveLength(10_000);
});
