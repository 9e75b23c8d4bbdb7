import { describe, expect, it } from 'vitest';
import { mapTop, PageHeights, type RowPages, unmapTop } from '../../src/list/page-heights';

/** Pages of which some are here; 1,000 rows are expected of the others. */
class Pages implements RowPages<number> {
  readonly here = new Map<number, number[]>();

  constructor(readonly count: number) {}

  rows(page: number): readonly number[] | null {
    return this.here.get(page) ?? null;
  }

  expected(page: number): number {
    return page % 2 ? 0 : 1000;
  }
}

const rows = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('the heights of pages', () => {
  it('are those expected, then those of their rows, then those that were drawn', () => {
    const pages = new Pages(4);
    const heights = new PageHeights(pages, 20);
    expect([heights.total, heights.topOf(2, 0), heights.pageAt(19_999)]).toEqual([
      40_000, 20_000, 0,
    ]);
    expect([heights.pageAt(20_000), heights.blocksBetween(0, 0, 10)]).toEqual([2, [-1]]);
    pages.here.set(0, rows(250));
    expect([heights.read(0), heights.read(0)]).toEqual([true, false]);
    heights.update();
    expect([heights.heightOf(0), heights.topOf(2, 0), heights.topOf(0, 2)]).toEqual([
      5_000, 5_000, 4_000,
    ]);
    expect(heights.blocksBetween(0, 1_999, 2_001)).toEqual([0, 1]);
    heights.setBlockHeight(0, 1, 2_400);
    heights.update();
    expect([heights.topOf(2, 0), heights.blockHeight(0, 1)]).toEqual([5_400, 2_400]);
  });

  it('grow with rows that are appended', () => {
    const pages = new Pages(1);
    const own = rows(150);
    pages.here.set(0, own);
    const heights = new PageHeights(pages, 20);
    heights.read(0);
    own.push(...rows(100));
    expect([heights.read(0), heights.heightOf(0)]).toEqual([true, 5_000]);
  });

  it('stay when a page is let go, and until it comes with other rows', () => {
    const pages = new Pages(3);
    pages.here.set(0, rows(10));
    const heights = new PageHeights(pages, 20);
    heights.read(0);
    heights.setBlockHeight(0, 0, 300);
    heights.release([]);
    expect([heights.rowsOf(0), heights.heightOf(0)]).toEqual([null, 300]);
    pages.here.set(0, rows(10));
    expect([heights.read(0), heights.heightOf(0)]).toEqual([false, 300]);
    pages.here.set(0, rows(11));
    expect([heights.read(0), heights.heightOf(0)]).toEqual([true, 220]);
  });
});

describe('the scrollbar', () => {
  it('is as long as the list, up to what browsers can draw', () => {
    expect(new PageHeights(new Pages(10), 20).physical).toBe(100_000);
    expect(new PageHeights(new Pages(20_000), 20).physical).toBe(15_000_000);
  });

  it('leads to each place of a list that is longer', () => {
    const [view, total, physical] = [700, 200_000_000, 15_000_000];
    for (const top of [0, 1_234_567, total - view]) {
      const bar = mapTop(top, view, total, physical);
      expect(bar).toBeLessThanOrEqual(physical - view);
      expect(unmapTop(bar, view, total, physical)).toBeCloseTo(top, 3);
    }
    expect([mapTop(50, 700, 900, 900), unmapTop(50, 700, 900, 900)]).toEqual([50, 50]);
  });
});
