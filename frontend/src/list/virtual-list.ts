/**
 * A long list of which only the part near the view is in the page. Items lie in chunks; a chunk out of
 * sight keeps its height and loses its rows, so that rows may wrap and a million of them cost little.
 */

const CHUNK = 200;
const MARGIN = '800px 0px';

interface Chunk {
  readonly from: number;
  readonly element: HTMLElement;
  count: number;
  drawn: boolean;
  /** Its height when last drawn, in px; 0 where it never was. */
  height: number;
}

/** Draws `items` of a scroller on demand. `draw` makes the row of one item. */
export class Windowed<T> {
  private items: readonly T[] = [];
  private chunks: Chunk[] = [];
  private readonly byElement = new WeakMap<Element, Chunk>();
  private readonly observer: IntersectionObserver;

  constructor(
    scroller: HTMLElement,
    private readonly body: HTMLElement,
    private readonly rowHeight: number,
    private readonly draw: (item: T, index: number) => HTMLElement,
  ) {
    this.observer = new IntersectionObserver((entries) => this.seen(entries), {
      root: scroller,
      rootMargin: MARGIN,
    });
  }

  /** Show these items instead; the array is kept, not copied. */
  reset(items: readonly T[]): void {
    this.observer.disconnect();
    this.body.replaceChildren();
    this.chunks = [];
    this.items = items;
    this.grow();
  }

  /** Show what was added to the end of the array since. */
  grow(): void {
    let last = this.chunks.at(-1);
    let next = last ? last.from + last.count : 0;
    while (next < this.items.length) {
      if (!last || last.count === CHUNK) last = this.add(next);
      const until = Math.min(this.items.length, last.from + CHUNK);
      if (last.drawn) last.element.append(...this.rows(next, until));
      last.count = until - last.from;
      last.height = 0;
      if (!last.drawn) this.size(last);
      next = until;
    }
  }

  /** Return the row of item `index` where it is drawn. */
  drawn(index: number): HTMLElement | undefined {
    const chunk = this.chunks[Math.floor(index / CHUNK)];
    return chunk?.element.children[index - chunk.from] as HTMLElement | undefined;
  }

  /** Look at every row that is drawn, to change how it looks: the rows themselves stay. */
  each(look: (row: HTMLElement, index: number) => void): void {
    for (const { element, from } of this.chunks) {
      let index = from;
      for (const row of element.children) look(row as HTMLElement, index++);
    }
  }

  /** Bring item `index` into view: to its middle, or only as far as it takes. */
  reveal(index: number, block: 'center' | 'nearest' = 'center'): void {
    const chunk = this.chunks[Math.floor(index / CHUNK)];
    if (!chunk) return;
    if (!chunk.drawn) this.fill(chunk);
    this.drawn(index)?.scrollIntoView({ block });
  }

  /** Stop observing; the list is dead. */
  stop(): void {
    this.observer.disconnect();
  }

  private add(from: number): Chunk {
    const element = document.createElement('div');
    const chunk: Chunk = { from, element, count: 0, drawn: false, height: 0 };
    this.byElement.set(element, chunk);
    this.chunks.push(chunk);
    this.body.append(element);
    this.observer.observe(element);
    return chunk;
  }

  private seen(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const chunk = this.byElement.get(entry.target);
      if (!chunk || chunk.drawn === entry.isIntersecting) continue;
      if (entry.isIntersecting) this.fill(chunk);
      else this.empty(chunk, entry.boundingClientRect.height);
    }
  }

  private fill(chunk: Chunk): void {
    chunk.drawn = true;
    chunk.element.style.height = '';
    chunk.element.replaceChildren(...this.rows(chunk.from, chunk.from + chunk.count));
  }

  private empty(chunk: Chunk, height: number): void {
    chunk.height = height;
    chunk.drawn = false;
    chunk.element.replaceChildren();
    this.size(chunk);
  }

  private size(chunk: Chunk): void {
    chunk.element.style.height = `${chunk.height || chunk.count * this.rowHeight}px`;
  }

  private rows(from: number, until: number): HTMLElement[] {
    return this.items.slice(from, until).map((item, i) => this.draw(item, from + i));
  }
}
