/**
 * A long list of which only the part near the view is in the page. Items lie in chunks; a chunk out of
 * sight keeps its height and loses its rows, so that rows may wrap and a million of them cost little.
 */

const CHUNK_SIZE = 200;
const MARGIN = '800px 0px';

interface Chunk {
  readonly from: number;
  readonly element: HTMLElement;
  count: number;
  isDrawn: boolean;
  /** Its height when last drawn, in px; 0 where it never was. */
  height: number;
}

/** Draws `items` of a scroller on demand. `draw` makes the row of one item. */
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

  /** Show these items instead; the array is kept, not copied. */
  setItems(items: readonly T[]): void {
    this.observer.disconnect();
    this.body.replaceChildren();
    this.chunks = [];
    this.items = items;
    this.appendNew();
  }

  /** Show what was added to the end of the array since. */
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

  /** Return the row of item `index` where it is drawn. */
  rowAt(index: number): HTMLElement | undefined {
    const chunk = this.chunks[Math.floor(index / CHUNK_SIZE)];
    return chunk?.element.children[index - chunk.from] as HTMLElement | undefined;
  }

  /** Look at every row that is drawn, to change how it looks: the rows themselves stay. */
  forEachRow(look: (row: HTMLElement, index: number) => void): void {
    for (const { element, from } of this.chunks) {
      let index = from;
      for (const row of element.children) look(row as HTMLElement, index++);
    }
  }

  /** Bring item `index` into view: to its middle, or only as far as it takes. */
  scrollToItem(index: number, block: 'center' | 'nearest' = 'center'): void {
    const chunk = this.chunks[Math.floor(index / CHUNK_SIZE)];
    if (!chunk) return;
    if (!chunk.isDrawn) this.drawChunk(chunk);
    this.rowAt(index)?.scrollIntoView({ block });
  }

  /** Stop observing; the list is dead. */
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
