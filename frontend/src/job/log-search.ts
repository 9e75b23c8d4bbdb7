/** Searches a log that grows. */

import { type LogLine, lowerBound } from './log-lines';

/** A case-insensitive search in `lines`, which may grow in place. */
export class LogSearch {
  /** The indices of the matching lines, sorted. */
  readonly hits: number[] = [];
  readonly #sought: string;
  /** The checked lines that can still change, with the version that was checked. */
  readonly #unfinished = new Map<number, number>();
  #next = 0;

  constructor(
    private readonly lines: readonly LogLine[],
    sought: string,
  ) {
    this.#sought = sought.toLowerCase();
  }

  /** Check new and changed lines; return those whose result has changed. */
  update(): number[] {
    if (!this.#sought) return [];
    const changed = [...this.#unfinished].filter(
      ([index, version]) => this.#version(index) !== version,
    );
    const indices = changed.map(([index]) => index);
    while (this.#next < this.lines.length) indices.push(this.#next++);
    return indices.filter((index) => this.#checkLine(index));
  }

  /** Whether a line matches. */
  isHit(index: number): boolean {
    return this.hits[this.#insertionIndex(index)] === index;
  }

  #version(index: number): number | undefined {
    return this.lines[index]?.content.version;
  }

  /** Check a line; return whether its result has changed. */
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

  /** The position of an index among the hits, or where it would be. */
  #insertionIndex(index: number): number {
    return lowerBound(this.hits, (hit) => hit < index);
  }
}
