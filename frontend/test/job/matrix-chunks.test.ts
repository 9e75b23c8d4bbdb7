import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkRows, estimateHeight, type ShownGroup } from '../../src/job/matrix-chunks';
import { TargetRows } from '../../src/job/target-rows';

/** Groups of so many rows each, as the matrix shows them. */
function shown(sizes: readonly number[]): ShownGroup[] {
  const groups = sizes.map((size, at) => ({
    name: `batch ${at}`,
    targets: Array.from({ length: size }, (_, i) => `gs-${at}-${i}`),
  }));
  const rows = new TargetRows({ steps: ['run'], groups, words: '' });
  return rows.groups.map((group) => ({ group, rows: group.rows }));
}

test('every row is in one chunk, in order, and every group has one head', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(25)), fc.integer({ min: 1, max: 12 }), (sizes, most) => {
      const groups = shown(sizes);
      const chunks = chunkRows(groups, most);
      const parts = chunks.flatMap((chunk) => chunk.parts);
      expect(parts.flatMap((part) => part.rows)).toEqual(groups.flatMap(({ rows }) => rows));
      const heads = parts.flatMap(({ head }) => (head ? [head.name] : []));
      expect(heads).toEqual(
        groups.filter(({ rows }) => rows.length).map(({ group }) => group.name),
      );
      let from = 0;
      for (const [at, chunk] of chunks.entries()) {
        expect([chunk.index, chunk.from]).toEqual([at, from]);
        expect(chunk.count).toBeLessThanOrEqual(most);
        from += chunk.count;
      }
    }),
  );
});

test('the head of a group that can be folded is a line, also without a row', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(25)), fc.integer({ min: 1, max: 12 }), (sizes, most) => {
      const groups = shown(sizes).map((group) => ({ ...group, foldable: true }));
      const chunks = chunkRows(groups, most);
      const lines = chunks
        .flatMap(({ parts }) => parts)
        .flatMap(({ head, rows, from }) => {
          const own = head ? [[from - 1, head.name]] : [];
          return [...own, ...rows.map((row, at) => [from + at, row.target])];
        });
      const expected = groups.flatMap(({ group, rows }) => [
        group.name,
        ...rows.map((row) => row.target),
      ]);
      expect(lines).toEqual(expected.map((name, at) => [at, name]));
      expect(chunks.every(({ count }) => count <= most)).toBe(true);
    }),
  );
});

test('ten thousand groups of one are a hundred chunks', () => {
  const chunks = chunkRows(shown(Array.from({ length: 10_000 }, () => 1)));
  expect(chunks).toHaveLength(100);
  expect(estimateHeight(chunks[0], false)).toBe(100 * (24 + 32));
});
