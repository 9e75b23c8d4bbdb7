/**
 * A list of any length whose rows come in pages, most of which are not there yet. Only the rows near the
 * viewport are in the DOM. A page that is not there has an expected height; when its rows come, what the
 * reader looks at stays in its place.
 */

import { BLOCK_ROWS, mapTop, PageHeights, type RowPages, unmapTop } from './page-heights';

const MARGIN = 600;
/** A movement of more viewports than this is a jump of the scrollbar, not a scroll. */
const JUMP = 2;
/** Without a movement for so long (ms), the scrollbar is brought in line with the place in the list. */
const IDLE_MS = 150;
/** Reading pages and measuring rows settle within a few passes. */
const MOST_PASSES = 8;

/** Up to 100 rows of a page, or the place of a page that is not there (`index` -1). */
interface Block {
  readonly page: number;
  readonly index: number;
  readonly element: HTMLElement;
  /** The array that its rows were made of. */
  readonly rows: readonly unknown[] | null;
}

/** A place in the list that stays where it is while heights change. */
interface Pin {
  readonly page: number;
  readonly index: number;
  /** Px below the block's top, or a share of a page that is not there. */
  readonly offset: number;
}

/** Creates the row of an item; `index` counts within its page. */
export type CreateRow<T> = (item: T, page: number, index: number) => HTMLElement;

/** Renders the pages of `source` within `scroller`: `space` gives it a height, `body` has the rows. */
export class PagedList<T> {
  private readonly heights: PageHeights<T>;
  private blocks: Block[] = [];
  /** The place of the viewport in the list, in px. */
  private top = 0;
  private lastScrollTop = 0;
  private idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly space: HTMLElement,
    private readonly body: HTMLElement,
    private source: RowPages<T>,
    rowHeight: number,
    private readonly createRow: CreateRow<T>,
  ) {
    this.heights = new PageHeights(source, rowHeight);
  }

  /** Whether the end of the list is in view, or less than `margin` px below it. */
  isAtEnd(margin: number): boolean {
    this.readScroll();
    return this.top + this.scroller.clientHeight >= this.heights.total - margin;
  }

  /** Whether every row in view is there. */
  get isComplete(): boolean {
    return this.blocks.every(({ index }) => index >= 0);
  }

  /** Whether there is nothing to see. */
  get isEmpty(): boolean {
    return this.heights.total === 0;
  }

  /** Show other pages, from the first, or at their end. */
  setSource(source: RowPages<T>, atEnd = false): void {
    this.source = source;
    this.heights.reset(source);
    this.clear();
    this.setTop(atEnd ? this.heights.total : 0);
    this.draw();
  }

  /** The pages have changed: there are more, or some have come or grown. */
  update(): void {
    this.readScroll();
    this.keepPlace(() => this.heights.update());
    this.draw();
  }

  /** Rows may have other heights now. */
  resize(): void {
    this.keepPlace(() => this.heights.forget());
    this.draw();
  }

  /** The reader has scrolled. Returns whether it was upwards. */
  handleScroll(): boolean {
    const before = this.top;
    this.readScroll();
    this.draw();
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => this.alignScrollbar(), IDLE_MS);
    return this.top < before;
  }

  /** Scroll to the end. */
  scrollToEnd(): void {
    for (let pass = 0; pass < 3; pass += 1) {
      this.setTop(this.heights.total);
      this.draw();
    }
  }

  /** Scroll to a share of a page that is not there. */
  scrollToPage(page: number, share: number): void {
    const height = this.heights.heightOf(page);
    this.setTop(this.heights.topOf(page, 0) + share * height - this.scroller.clientHeight / 2);
    this.draw();
  }

  /** Bring a row into the middle of the view; returns false if its page is not there. */
  scrollToRow(page: number, index: number): boolean {
    const block = Math.floor(index / BLOCK_ROWS);
    const middle = (this.scroller.clientHeight - this.heights.rowHeight) / 2;
    const within = (index % BLOCK_ROWS) * this.heights.rowHeight;
    this.setTop(this.heights.topOf(page, block) + within - middle);
    this.draw();
    const row = this.rowAt(page, index);
    if (!row) return false;
    const rect = row.getBoundingClientRect();
    const view = this.scroller.getBoundingClientRect();
    const off = rect.top - view.top - Math.max(0, (this.scroller.clientHeight - rect.height) / 2);
    if (Math.abs(off) > 1) {
      this.setTop(this.top + off);
      this.draw();
    }
    return true;
  }

  /** Return the row of an item, if it is in the DOM. */
  rowAt(page: number, index: number): HTMLElement | undefined {
    const at = Math.floor(index / BLOCK_ROWS);
    const block = this.blocks.find((one) => one.page === page && one.index === at);
    return block?.element.children[index % BLOCK_ROWS] as HTMLElement | undefined;
  }

  /** Call `look` for each row in the DOM. */
  forEachRow(look: (row: HTMLElement, item: T, page: number, index: number) => void): void {
    for (const { page, index, element, rows } of this.blocks) {
      if (index < 0) continue;
      [...element.children].forEach((row, at) => {
        const item = rows?.[index * BLOCK_ROWS + at];
        if (item) look(row as HTMLElement, item as T, page, index * BLOCK_ROWS + at);
      });
    }
  }

  /** Stop; the list cannot be used afterwards. */
  disconnect(): void {
    clearTimeout(this.idleTimer);
    this.clear();
  }

  private clear(): void {
    this.blocks = [];
    this.body.replaceChildren();
  }

  /** Take over what the scrollbar says: a small movement as it is, a jump as a share of the whole. */
  private readScroll(): void {
    const { scrollTop, clientHeight } = this.scroller;
    const by = scrollTop - this.lastScrollTop;
    if (by === 0) return;
    const jump = Math.abs(by) > JUMP * clientHeight;
    const atEdge = scrollTop <= 0 || scrollTop >= this.heights.physical - clientHeight;
    const { total, physical } = this.heights;
    const mapped = unmapTop(scrollTop, clientHeight, total, physical);
    this.lastScrollTop = scrollTop;
    this.top = this.clamp(jump || atEdge ? mapped : this.top + by);
  }

  /** Bring the scrollbar in line with the place in the list; a scroll of which no event has come yet counts. */
  private alignScrollbar(): void {
    this.readScroll();
    this.setTop(this.top);
    this.draw();
  }

  private clamp(top: number): number {
    return Math.max(0, Math.min(top, this.heights.total - this.scroller.clientHeight));
  }

  /** Go to a place in the list, and bring the scrollbar in line with it. */
  private setTop(top: number): void {
    const { total, physical } = this.heights;
    const { clientHeight } = this.scroller;
    this.space.style.height = `${physical}px`;
    this.top = this.clamp(top);
    const mapped = mapTop(this.top, clientHeight, total, physical);
    if (Math.abs(mapped - this.scroller.scrollTop) >= 1) this.scroller.scrollTop = mapped;
    this.lastScrollTop = this.scroller.scrollTop;
    this.place();
  }

  /** Change heights without a movement of what is in view. */
  private keepPlace(change: () => void): void {
    const pin = this.findPin();
    change();
    if (pin) {
      const { page, index, offset } = pin;
      const within = index < 0 ? offset * this.heights.heightOf(page) : offset;
      this.top = this.clamp(this.heights.topOf(page, Math.max(0, index)) + within);
    }
    this.space.style.height = `${this.heights.physical}px`;
  }

  /** The first block in view that is there; else the place within the page that is not. */
  private findPin(): Pin | null {
    const end = this.top + this.scroller.clientHeight;
    for (const { page, index } of this.blocks) {
      if (index < 0) continue;
      const from = this.heights.topOf(page, index);
      if (from + this.heights.blockHeight(page, index) > this.top && from < end) {
        return { page, index, offset: this.top - from };
      }
    }
    const page = this.heights.pageAt(this.top);
    const height = this.heights.heightOf(page);
    return height
      ? { page, index: -1, offset: (this.top - this.heights.topOf(page, 0)) / height }
      : null;
  }

  /** Draw what is near the view; heights that turn out otherwise are taken over. */
  private draw(): void {
    if (!this.scroller.clientHeight) return;
    for (let pass = 0; pass < MOST_PASSES; pass += 1) {
      if (this.readPages()) continue;
      this.syncBlocks(this.wantedBlocks());
      this.place();
      if (!this.measure()) return;
    }
  }

  /** Take over the rows of the pages near the view; returns whether heights have changed. */
  private readPages(): boolean {
    let hasChanged = false;
    this.keepPlace(() => {
      const pages = [...this.pagesNear()];
      for (const page of pages) hasChanged = this.heights.read(page) || hasChanged;
      this.heights.release(pages);
      if (hasChanged) this.heights.update();
    });
    return hasChanged;
  }

  private *pagesNear(): Generator<number> {
    const below = this.top + this.scroller.clientHeight + MARGIN;
    let page = this.heights.pageAt(Math.max(0, this.top - MARGIN));
    for (; page < this.source.count && this.heights.topOf(page, 0) <= below; page += 1) {
      if (this.heights.heightOf(page) || this.source.expected(page)) yield page;
    }
  }

  private wantedBlocks(): (readonly [number, number])[] {
    const above = this.top - MARGIN;
    const below = this.top + this.scroller.clientHeight + MARGIN;
    return [...this.pagesNear()].flatMap((page) =>
      this.heights.blocksBetween(page, above, below).map((index) => [page, index] as const),
    );
  }

  /** Keep the blocks that are still wanted, with their rows; add and remove the others. */
  private syncBlocks(wanted: readonly (readonly [number, number])[]): void {
    const there = new Map(this.blocks.map((block) => [`${block.page}/${block.index}`, block]));
    this.blocks = wanted.map(([page, index]) => {
      const rows = index < 0 ? null : this.heights.rowsOf(page);
      const found = there.get(`${page}/${index}`);
      if (found && found.rows === rows) {
        there.delete(`${page}/${index}`);
        return found;
      }
      return { page, index, rows, element: document.createElement('div') };
    });
    for (const { element } of there.values()) element.remove();
    this.blocks.forEach((block, at) => {
      this.fill(block);
      const here = this.body.children[at];
      if (here !== block.element) this.body.insertBefore(block.element, here ?? null);
    });
  }

  private fill({ page, index, element, rows }: Block): void {
    if (index < 0) {
      element.className = 'list-missing';
      element.style.height = `${this.heights.heightOf(page)}px`;
      return;
    }
    const from = index * BLOCK_ROWS;
    const until = Math.min(rows?.length ?? 0, from + BLOCK_ROWS);
    for (let at = from + element.childElementCount; at < until; at += 1) {
      element.append(this.createRow(rows?.[at] as T, page, at));
    }
  }

  private place(): void {
    const [first] = this.blocks;
    if (!first) return;
    const from = this.heights.topOf(first.page, Math.max(0, first.index));
    const at = from - this.top + this.lastScrollTop;
    // Not a transform: sticky heads stick where the layout has them.
    this.body.style.top = `${at}px`;
  }

  /** Take over the true heights of the blocks; returns whether any was another. */
  private measure(): boolean {
    const real = this.blocks.filter(({ index }) => index >= 0);
    const found = real.map(({ element }) => element.getBoundingClientRect().height);
    const off = real.filter(
      ({ page, index }, at) =>
        Math.abs(this.heights.blockHeight(page, index) - (found[at] ?? 0)) > 0.5,
    );
    if (off.length) {
      this.keepPlace(() => {
        real.forEach(({ page, index }, at) => {
          this.heights.setBlockHeight(page, index, found[at] ?? 0);
        });
        this.heights.update();
      });
    }
    return off.length > 0;
  }
}
