/** The lines of a run's log, made of its events once, and kept by step. */

import { type JobEvent, lineName, TerminalLine, Terminals } from '../client';
import { eventWords } from '../text/event-words';

/** One line. `kind`: what a step wrote (out, err), or what happened (note, bad). */
export interface LogLine {
  /** The event that it begins in, and which of the lines that do, from 1. */
  readonly seq: number;
  readonly part: number;
  readonly at: string;
  readonly target: string;
  readonly step: string;
  readonly kind: 'out' | 'err' | 'note' | 'bad';
  /** What it says, which grows and changes until the line has ended. */
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

  /** The lines of one step on one target (`''`: the job itself). */
  ofStep(target: string, step: string): readonly LogLine[] {
    return this.stepLines(target, step);
  }

  /** Take in events, in order. */
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

/** What is worth a line of its own among the output. */
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

/** The first and the last line that are marked, by index. */
export type LineRange = readonly [number, number];

/** Return which lines a name stands for; null where it names none that is there. */
export function parseLineRange(name: string, lines: readonly LogLine[]): LineRange | null {
  const [first = '', last = first] = name.split('-');
  const ends = [indexOfLine(first, lines), indexOfLine(last, lines)];
  if (ends.some((index) => index === null)) return null;
  const [from = 0, to = 0] = (ends as number[]).sort((a, b) => a - b);
  return [from, to];
}

/** Return the name of lines, from one to another in whichever order. */
export function formatLineRange(lines: readonly LogLine[], one: number, other: number): string {
  const [from, to] = [lines[Math.min(one, other)], lines[Math.max(one, other)]];
  if (!from || !to) return '';
  return from === to ? lineName(from) : `${lineName(from)}-${lineName(to)}`;
}

/** Lines stand in the order of their names. */
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
