/**
 * A long list of which only the part near the viewport is in the DOM. A chunk that scrolls away keeps
 * its height and drops its rows, so rows may wrap, and a million of them cost little.
 */

const CHUNK_SIZE = 200;
const MARGIN = '800px 0px';

interface Chunk {
  readonly from: number;
  readonly element: HTMLElement;
  count: number;
  isDrawn: boolean;
  /** Its last rendered height, in px; 0 if it never was rendered. */
  height: number;
}

/** Renders items within a scroller on demand. */
export class VirtualList<T> {
  private items: readonly T[] = [];
  private chunks: Chunk[] = [];
  private readonly byElement = new WeakMap<Element, Chunk>();
  private readonly observer: IntersectionObserver;

  constructor(
    scroller: HTMLElement,
    private readonly body: HTMLElement,
    private readonly rowHeight: number,
    private readonly createRow: (item: T, index: number) => HTMLElement,
  ) {
    this.observer = new IntersectionObserver((entries) => this.handleIntersections(entries), {
      root: scroller,
      rootMargin: MARGIN,
    });
  }

  /** Show other items; the array is kept, not copied. */
  setItems(items: readonly T[]): void {
    this.observer.disconnect();
    this.body.replaceChildren();
    this.chunks = [];
    this.items = items;
    this.appendNew();
  }

  /** Show the items that were appended to the array since. */
  appendNew(): void {
    let last = this.chunks.at(-1);
    let next = last ? last.from + last.count : 0;
    while (next < this.items.length) {
      if (!last || last.count === CHUNK_SIZE) last = this.addChunk(next);
      const until = Math.min(this.items.length, last.from + CHUNK_SIZE);
      if (last.isDrawn) last.element.append(...this.createRows(next, until));
      last.count = until - last.from;
      last.height = 0;
      if (!last.isDrawn) this.setHeight(last);
      next = until;
    }
  }

  /** Return the row of item `index`, if it is rendered. */
  rowAt(index: number): HTMLElement | undefined {
    const chunk = this.chunks[Math.floor(index / CHUNK_SIZE)];
    return chunk?.element.children[index - chunk.from] as HTMLElement | undefined;
  }

  /** Call `look` for every rendered row, to update its classes. */
  forEachRow(look: (row: HTMLElement, index: number) => void): void {
    for (const { element, from } of this.chunks) {
      let index = from;
      for (const row of element.children) look(row as HTMLElement, index++);
    }
  }

  /** Scroll to item `index`: to the middle of the view, or only as far as needed. */
  scrollToItem(index: number, block: 'center' | 'nearest' = 'center'): void {
    const chunk = this.chunks[Math.floor(index / CHUNK_SIZE)];
    if (!chunk) return;
    if (!chunk.isDrawn) this.drawChunk(chunk);
    this.rowAt(index)?.scrollIntoView({ block });
  }

  /** Stop observing; the list cannot be used afterwards. */
  disconnect(): void {
    this.observer.disconnect();
  }

  private addChunk(from: number): Chunk {
    const element = document.createElement('div');
    const chunk: Chunk = { from, element, count: 0, isDrawn: false, height: 0 };
    this.byElement.set(element, chunk);
    this.chunks.push(chunk);
    this.body.append(element);
    this.observer.observe(element);
    return chunk;
  }

  private handleIntersections(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const chunk = this.byElement.get(entry.target);
      if (!chunk || chunk.isDrawn === entry.isIntersecting) continue;
      if (entry.isIntersecting) this.drawChunk(chunk);
      else this.clearChunk(chunk, entry.boundingClientRect.height);
    }
  }

  private drawChunk(chunk: Chunk): void {
    chunk.isDrawn = true;
    chunk.element.style.height = '';
    chunk.element.replaceChildren(...this.createRows(chunk.from, chunk.from + chunk.count));
  }

  private clearChunk(chunk: Chunk, height: number): void {
    chunk.height = height;
    chunk.isDrawn = false;
    chunk.element.replaceChildren();
    this.setHeight(chunk);
  }

  private setHeight(chunk: Chunk): void {
    chunk.element.style.height = `${chunk.height || chunk.count * this.rowHeight}px`;
  }

  private createRows(from: number, until: number): HTMLElement[] {
    return this.items.slice(from, until).map((item, i) => this.createRow(item, from + i));
  }
}
