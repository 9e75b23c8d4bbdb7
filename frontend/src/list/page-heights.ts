/** The heights of a list's pages: expected, or as they were drawn. Pure arithmetic, without a DOM. */

/** Rows are drawn in blocks of this many. */
export const BLOCK_ROWS = 100;
/** Browsers limit the height of an element, some to 16.7 million px. A longer list is scrolled by share. */
const MAX_HEIGHT = 15_000_000;

/** The rows of a list, by pages. */
export interface RowPages<T> {
  /** The number of pages. */
  readonly count: number;
  /** Return a page's rows: an array that may grow in place, another one if rows changed; null if it is not there. */
  rows(page: number): readonly T[] | null;
  /** How many rows a page will have; 0 if it need not be read. */
  expected(page: number): number;
}

interface Sheet<T> {
  /** Null once the page is no longer near the view: what was measured stays. */
  rows: readonly T[] | null;
  count: number;
  /** Of its blocks. */
  readonly heights: number[];
}

/** Adds up the heights of pages and blocks. */
export class PageHeights<T> {
  private sheets = new Map<number, Sheet<T>>();
  private tops: number[] = [0];

  constructor(
    private source: RowPages<T>,
    readonly rowHeight: number,
  ) {
    this.update();
  }

  /** The height of the whole list in px. */
  get total(): number {
    return this.tops.at(-1) ?? 0;
  }

  /** The height that the scrollbar is given. */
  get physical(): number {
    return Math.min(this.total, MAX_HEIGHT);
  }

  /** Begin with other pages. */
  reset(source: RowPages<T>): void {
    this.source = source;
    this.sheets = new Map();
    this.update();
  }

  /** Forget what was measured. */
  forget(): void {
    this.sheets = new Map();
    this.update();
  }

  /** Add everything up again. */
  update(): void {
    const { count } = this.source;
    this.tops.length = count + 1;
    let top = 0;
    for (let page = 0; page < count; page += 1) {
      this.tops[page] = top;
      top += this.heightOf(page);
    }
    this.tops[count] = top;
  }

  /** Take over the rows of a page, if they are there; returns whether its height may be another. */
  read(page: number): boolean {
    const rows = this.source.rows(page);
    const sheet = this.sheets.get(page);
    if (!rows) return false;
    if (sheet && (sheet.rows === rows || (!sheet.rows && sheet.count === rows.length))) {
      sheet.rows = rows;
      return extend(sheet, this.rowHeight);
    }
    const made = { rows, count: 0, heights: [] };
    this.sheets.set(page, made);
    extend(made, this.rowHeight);
    return true;
  }

  /** Let go of the rows of all other pages. */
  release(pages: readonly number[]): void {
    const near = new Set(pages);
    for (const [page, sheet] of this.sheets) if (!near.has(page)) sheet.rows = null;
  }

  /** The rows of a page that was read. */
  rowsOf(page: number): readonly T[] | null {
    return this.sheets.get(page)?.rows ?? null;
  }

  /** The height of a page. */
  heightOf(page: number): number {
    const sheet = this.sheets.get(page);
    if (!sheet) return this.source.expected(page) * this.rowHeight;
    return sheet.heights.reduce((sum, height) => sum + height, 0);
  }

  /** The top of a block of a page. */
  topOf(page: number, block: number): number {
    const heights = this.sheets.get(page)?.heights ?? [];
    const above = heights.slice(0, block).reduce((sum, height) => sum + height, 0);
    return (this.tops[page] ?? this.total) + above;
  }

  /** The height of a block; 0 for one that is not there. */
  blockHeight(page: number, block: number): number {
    return this.sheets.get(page)?.heights[block] ?? 0;
  }

  /** Set the height with which a block was drawn. */
  setBlockHeight(page: number, block: number, height: number): void {
    const heights = this.sheets.get(page)?.heights;
    if (heights && block < heights.length) heights[block] = height;
  }

  /** The page at a height: the last that begins at or above it and is not empty, if there is one. */
  pageAt(top: number): number {
    let [low, high] = [0, this.source.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.tops[middle + 1] ?? 0) <= top) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, Math.min(low, this.source.count - 1));
  }

  /** The blocks of a page between two heights; -1 stands for a page that is not there. */
  blocksBetween(page: number, from: number, until: number): number[] {
    const sheet = this.sheets.get(page);
    if (!sheet?.rows) return this.heightOf(page) > 0 ? [-1] : [];
    const found: number[] = [];
    let top = this.tops[page] ?? 0;
    sheet.heights.forEach((height, block) => {
      if (top + height > from && top < until) found.push(block);
      top += height;
    });
    return found;
  }
}

/** Add blocks for rows that were appended; a block that has grown is measured when it is drawn. */
function extend<T>(sheet: Sheet<T>, rowHeight: number): boolean {
  const { rows, heights } = sheet;
  if (!rows || rows.length === sheet.count) return false;
  for (
    let block = Math.floor(sheet.count / BLOCK_ROWS);
    block * BLOCK_ROWS < rows.length;
    block += 1
  ) {
    const least = Math.min(BLOCK_ROWS, rows.length - block * BLOCK_ROWS) * rowHeight;
    heights[block] = Math.max(heights[block] ?? 0, least);
  }
  sheet.count = rows.length;
  return true;
}

/** Return the scrollbar's place for a place in the list. */
export function mapTop(top: number, view: number, total: number, physical: number): number {
  if (total === physical || total <= view) return top;
  return (top / (total - view)) * (physical - view);
}

/** Return the place in the list for the scrollbar's place. */
export function unmapTop(scrollTop: number, view: number, total: number, physical: number): number {
  if (total === physical || physical <= view) return scrollTop;
  return (scrollTop / (physical - view)) * (total - view);
}
