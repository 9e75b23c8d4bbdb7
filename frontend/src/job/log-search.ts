/** Which lines of a log hold what is sought, kept up as the log grows. */

import { type LogLine, lowerBound } from './log-lines';

/** A search through `lines`, which may grow in place; letters count whatever their case. */
export class LogSearch {
  /** The lines that hold it, by index, in order. */
  readonly hits: number[] = [];
  readonly #sought: string;
  /** Lines looked at while they could still change, and as of which version. */
  readonly #unfinished = new Map<number, number>();
  #next = 0;

  constructor(
    private readonly lines: readonly LogLine[],
    sought: string,
  ) {
    this.#sought = sought.toLowerCase();
  }

  /** Look at what is new or has changed; return the lines that have become hits or are none any more. */
  update(): number[] {
    if (!this.#sought) return [];
    const changed = [...this.#unfinished].filter(
      ([index, version]) => this.#version(index) !== version,
    );
    const indices = changed.map(([index]) => index);
    while (this.#next < this.lines.length) indices.push(this.#next++);
    return indices.filter((index) => this.#checkLine(index));
  }

  /** Whether a line is a hit. */
  isHit(index: number): boolean {
    return this.hits[this.#insertionIndex(index)] === index;
  }

  #version(index: number): number | undefined {
    return this.lines[index]?.content.version;
  }

  /** Look at a line; return whether that changed what is found. */
  #checkLine(index: number): boolean {
    const line = this.lines[index];
    if (!line) return false;
    if (line.content.ended) this.#unfinished.delete(index);
    else this.#unfinished.set(index, line.content.version);
    const hit = `${line.target} ${line.step} ${line.content.text}`
      .toLowerCase()
      .includes(this.#sought);
    const place = this.#insertionIndex(index);
    const was = this.hits[place] === index;
    if (hit !== was) this.hits.splice(place, was ? 1 : 0, ...(was ? [] : [index]));
    return hit !== was;
  }

  /** Where an index stands among the hits, or would. */
  #insertionIndex(index: number): number {
    return lowerBound(this.hits, (hit) => hit < index);
  }
}
