/** Which lines of a log hold what is sought, kept up as the log grows. */

import type { Line } from './log-lines';

/** A search through `lines`, which may grow in place; letters count whatever their case. */
export class Search {
  /** The lines that hold it, by index, in order. */
  readonly found: number[] = [];
  readonly #sought: string;
  /** Lines looked at while they could still change, and as of which version. */
  readonly #open = new Map<number, number>();
  #next = 0;

  constructor(
    private readonly lines: readonly Line[],
    sought: string,
  ) {
    this.#sought = sought.toLowerCase();
  }

  /** Look at what is new or has changed; return the lines that have become hits or are none any more. */
  more(): number[] {
    if (!this.#sought) return [];
    const changed = [...this.#open].filter(([index, version]) => this.#version(index) !== version);
    const indices = changed.map(([index]) => index);
    while (this.#next < this.lines.length) indices.push(this.#next++);
    return indices.filter((index) => this.#look(index));
  }

  /** Whether a line is a hit. */
  has(index: number): boolean {
    return this.found[this.#place(index)] === index;
  }

  #version(index: number): number | undefined {
    return this.lines[index]?.content.version;
  }

  /** Look at a line; return whether that changed what is found. */
  #look(index: number): boolean {
    const line = this.lines[index];
    if (!line) return false;
    if (line.content.ended) this.#open.delete(index);
    else this.#open.set(index, line.content.version);
    const hit = `${line.target} ${line.step} ${line.content.text}`
      .toLowerCase()
      .includes(this.#sought);
    const place = this.#place(index);
    const was = this.found[place] === index;
    if (hit !== was) this.found.splice(place, was ? 1 : 0, ...(was ? [] : [index]));
    return hit !== was;
  }

  /** Where an index stands among the hits, or would. */
  #place(index: number): number {
    const last = this.found.at(-1);
    if (last === undefined || last < index) return this.found.length;
    let [low, high] = [0, this.found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.found[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
