/** The lines of a run's log: how pages of events become lines, their names, and their text. */

import { type JobEvent, lineName, type Reach, TerminalLine, Terminals } from '../client';
import { eventWords } from '../text/event-words';
import { PAGE_SIZE } from './history-pages';

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

/** Lines and colours reach so many pages beyond the one that they begin in; then they are cut. */
export const REACH: Reach = { size: PAGE_SIZE, pages: 2 };

/** Makes lines of consecutive events. */
export class LineReader {
  private readonly terminals: Terminals;

  /** @param onLine is called with each line when it begins, in order; later events may change it */
  constructor(
    private readonly onLine: (line: LogLine) => void,
    reach = REACH,
  ) {
    this.terminals = new Terminals(
      ({ step, target, stream, ...line }) =>
        onLine({ ...line, step: step ?? '', target: target ?? '', kind: stream }),
      reach,
    );
  }

  /** Add events, in order. */
  take(events: Iterable<JobEvent>): void {
    for (const event of events) {
      this.terminals.take(event);
      if (event.type === 'step.failed' || event.type === 'job.failed') this.addNote(event, 'bad');
      else if (isNote(event)) this.addNote(event, 'note');
    }
  }

  private addNote(event: JobEvent, kind: 'note' | 'bad'): void {
    const { seq, at, target = '', step = '' } = event;
    const content = TerminalLine.of(eventWords(event));
    this.onLine({ seq, part: 1, at, target, step, kind, content });
  }
}

/** Returns the events of a page, or null if they are not here. */
export type EventsOf = (page: number) => readonly JobEvent[] | null;

/**
 * Return the lines that begin in a page, as if the whole log had been read, or null if a page that is
 * needed is not here: those before it within reach, and those after it that change its lines.
 */
export function linesOfPage(
  page: number,
  count: number,
  eventsOf: EventsOf,
  reach = REACH,
): readonly LogLine[] | null {
  const first = Math.max(0, page - reach.pages);
  const needed = Array.from({ length: page - first + 1 }, (_, i) => eventsOf(first + i));
  if (needed.includes(null)) return null;
  const lines: LogLine[] = [];
  const [from, until] = [page * reach.size, (page + 1) * reach.size];
  const reader = new LineReader((line) => {
    if (line.seq > from && line.seq <= until) lines.push(line);
  }, reach);
  for (const events of needed) reader.take(events ?? []);
  const last = Math.min(count - 1, page + reach.pages);
  for (let next = page + 1; next <= last && lines.some(isUnfinished); next += 1) {
    const events = eventsOf(next);
    if (!events) return null;
    reader.take(events);
  }
  return lines;
}

/** Whether a line can still change. */
export function isUnfinished({ content }: LogLine): boolean {
  return !content.ended;
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

/** The place of a line: the event in which it begins, and its number there. */
export type LinePlace = Pick<LogLine, 'seq' | 'part'>;

/** The first and the last line. */
export type LineRange = readonly [LinePlace, LinePlace];

/** Compare the places of two lines. */
export function compareLines(one: LinePlace, other: LinePlace): number {
  return one.seq - other.seq || one.part - other.part;
}

/** Return the lines that `812.3` or `812.3-815` names; null if it is no name. */
export function parseLineRange(name: string): LineRange | null {
  const ends = name.split('-', 2).map(parseLine);
  const [first, last = first] = ends;
  if (!first || !last) return null;
  return compareLines(first, last) <= 0 ? [first, last] : [last, first];
}

/** Return the name of the lines from one to another, in either order. */
export function formatLineRange(one: LinePlace, other: LinePlace): string {
  const [from, to] = compareLines(one, other) <= 0 ? [one, other] : [other, one];
  return compareLines(from, to) === 0 ? lineName(from) : `${lineName(from)}-${lineName(to)}`;
}

/** Whether a line is in a range. */
export function isInRange(line: LinePlace, [from, to]: LineRange): boolean {
  return compareLines(from, line) <= 0 && compareLines(line, to) <= 0;
}

function parseLine(name: string): LinePlace | null {
  const found = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(name);
  return found?.[1] ? { seq: Number(found[1]), part: Number(found[2] ?? 1) } : null;
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
