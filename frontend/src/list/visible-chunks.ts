/**
 * Which parts of a long list are near the view, for lists that templates draw: the rest keep their
 * height and have no rows. `Windowed` is the same for lists that only grow.
 */

const MARGIN = '800px 0px';
/** So many rows are drawn together. */
export const CHUNK_SIZE = 100;

/** Knows the chunks of one list, elements in order with `data-chunk`; tells `changed` when to draw again. */
export class VisibleChunks {
  private readonly near = new Set([0]);
  /** Heights as last drawn, in px. */
  private readonly heights = new Map<number, number>();
  private observer: IntersectionObserver | undefined;
  private root: Element | null | undefined;

  constructor(private readonly onChange: () => void) {}

  /** Whether a chunk is to be drawn. */
  isNear(index: number): boolean {
    return this.near.has(index);
  }

  /**
   * Watch the chunks that there are now, within the scroller `root` (null: the page scrolls), and give
   * those that are not drawn their height; `guess` says that of one that never was.
   */
  observe(root: Element | null, elements: Iterable<HTMLElement>, guess: (index: number) => number) {
    if (!this.observer || root !== this.root) {
      this.disconnect();
      this.root = root;
      this.observer = new IntersectionObserver((entries) => this.handleIntersections(entries), {
        root,
        rootMargin: MARGIN,
      });
    }
    for (const element of elements) {
      const index = Number(element.dataset.chunk);
      const height = element.childElementCount ? 0 : (this.heights.get(index) ?? guess(index));
      element.style.height = height ? `${height}px` : '';
      this.observer.observe(element);
    }
  }

  /** Forget heights: the list shows something else. */
  resetHeights(): void {
    this.heights.clear();
  }

  /** Watch nothing more. */
  disconnect(): void {
    this.observer?.disconnect();
    this.observer = undefined;
  }

  private handleIntersections(entries: readonly IntersectionObserverEntry[]): void {
    const before = [...this.near].join();
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const index = Number((target as HTMLElement).dataset.chunk);
      if (isIntersecting) this.near.add(index);
      else if (this.near.delete(index) && target.isConnected) {
        this.heights.set(index, boundingClientRect.height);
      }
    }
    if ([...this.near].join() !== before) this.onChange();
  }
}
