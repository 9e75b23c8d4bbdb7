/** The lines of a run's log, in total and by step, their names, and a search in them. */

import { type JobEvent, lineName, TerminalLine, Terminals } from '../client';
import { eventWords } from '../text/event-words';

/** A line. Its `kind` is a step's output (out, err) or an event (note, bad). */
export interface LogLine {
  /** The event in which it begins, and its number among the lines that begin there, from 1. */
  readonly seq: number;
  readonly part: number;
  readonly at: string;
  readonly target: string;
  readonly step: string;
  readonly kind: 'out' | 'err' | 'note' | 'bad';
  /** Its text, which may change until the line has ended. */
  readonly content: TerminalLine;
}

/** All lines, and those of each step; the arrays only ever grow. */
export class LogLines {
  readonly all: LogLine[] = [];
  /** Grows with every event that may have changed a line. */
  revision = 0;
  private readonly steps = new Map<string, LogLine[]>();
  private readonly terminals = new Terminals(({ step, target, stream, ...line }) =>
    this.addLine({ ...line, step: step ?? '', target: target ?? '', kind: stream }),
  );

  /** Return the lines of a step on a target (`''`: the job itself). */
  ofStep(target: string, step: string): readonly LogLine[] {
    return this.stepLines(target, step);
  }

  /** Add events, in order. */
  addEvents(events: readonly JobEvent[]): void {
    this.revision += events.length;
    for (const event of events) {
      this.terminals.take(event);
      if (event.type === 'step.failed' || event.type === 'job.failed') this.addNote(event, 'bad');
      else if (isNote(event)) this.addNote(event, 'note');
    }
  }

  private addNote(event: JobEvent, kind: 'note' | 'bad'): void {
    const { seq, at, target = '', step = '' } = event;
    this.addLine({
      seq,
      part: 1,
      at,
      target,
      step,
      kind,
      content: TerminalLine.of(eventWords(event)),
    });
  }

  private addLine(line: LogLine): void {
    this.all.push(line);
    if (line.target || line.step) this.stepLines(line.target, line.step).push(line);
  }

  private stepLines(target: string, step: string): LogLine[] {
    const key = `${target}\n${step}`;
    const lines = this.steps.get(key) ?? [];
    this.steps.set(key, lines);
    return lines;
  }
}

/**
 * Return whole lines as text, each with a newline.
 *
 * @param details whether to add the time, the number and, with `from`, the step of each line
 */
export function linesAsText(lines: readonly LogLine[], details: boolean, from: boolean): string {
  const before = (line: LogLine) => {
    const place = from ? [line.target, line.step].filter(Boolean).join(' › ') : '';
    return [line.at, `#${lineName(line)}`, place].filter(Boolean).join(' ');
  };
  return lines
    .map((line) => `${details ? `${before(line)} │ ` : ''}${line.content.text}\n`)
    .join('');
}

/** Whether an event gets a line of its own. */
function isNote(event: JobEvent): boolean {
  switch (event.type) {
    case 'step.started':
      return event.data.try > 1;
    case 'attempt.started':
      return event.attempt > 1;
    case 'step.output':
    case 'step.succeeded':
    case 'step.progressed':
    case 'job.progressed':
    case 'job.submitted':
    case 'job.extended':
      return false;
    default:
      return true;
  }
}

/** The indices of the first and the last line. */
export type LineRange = readonly [number, number];

/** Return the lines that `812.3` or `812.3-815` names; null if there are none. */
export function parseLineRange(name: string, lines: readonly LogLine[]): LineRange | null {
  const [first = '', last = first] = name.split('-');
  const ends = [indexOfLine(first, lines), indexOfLine(last, lines)];
  if (ends.some((index) => index === null)) return null;
  const [from = 0, to = 0] = (ends as number[]).sort((a, b) => a - b);
  return [from, to];
}

/** Return the name of the lines between two indices, in either order. */
export function formatLineRange(lines: readonly LogLine[], one: number, other: number): string {
  const [from, to] = [lines[Math.min(one, other)], lines[Math.max(one, other)]];
  if (!from || !to) return '';
  return from === to ? lineName(from) : `${lineName(from)}-${lineName(to)}`;
}

/** Return the index of a line by its name; lines are sorted by name. */
function indexOfLine(name: string, lines: readonly LogLine[]): number | null {
  const [seq = 0, part = 1] = name.split('.').map(Number);
  const low = lowerBound(lines, (line) => (line.seq - seq || line.part - part) < 0);
  const found = lines[low];
  return found?.seq === seq && found.part === part ? low : null;
}

/** Return the index of the first item of a sorted list that is not before what is looked for. */
export function lowerBound<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

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
