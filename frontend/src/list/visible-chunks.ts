/**
 * Tracks which chunks of a long list are near the viewport, for lists that templates render; the other
 * chunks keep their height and have no rows. `VirtualList` does the same for lists that only grow.
 */

const MARGIN = '800px 0px';
/** The number of rows in a chunk. */
export const CHUNK_SIZE = 100;

/** Observes the elements with `data-chunk` of one list; calls `onChange` when it must render again. */
export class VisibleChunks {
  private readonly near = new Set([0]);
  /** The last rendered heights, in px. */
  private readonly heights = new Map<number, number>();
  private observer: IntersectionObserver | undefined;
  private root: Element | null | undefined;

  constructor(private readonly onChange: () => void) {}

  /** Whether a chunk must be rendered. */
  isNear(index: number): boolean {
    return this.near.has(index);
  }

  /**
   * Observe the current chunks within the scroller `root` (null: the page), and set the height of those
   * that are not rendered; `guess` estimates it for one that never was.
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

  /** Forget the heights, because the list shows something else. */
  resetHeights(): void {
    this.heights.clear();
  }

  /** Stop observing. */
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
