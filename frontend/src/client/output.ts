import { Terminal } from './terminal.js';
import { TerminalLine } from './terminal-line.js';
import type { EventOf, JobEvent } from './types.js';

/** A line of a step's output, as a terminal shows it. `content` changes until it has ended. */
export interface OutputLine {
  /** The event in which it begins, and its number there, from 1: 812 and 3 are `#812.3`. */
  readonly seq: number;
  readonly part: number;
  readonly at: string;
  readonly step: string | null;
  readonly target: string | null;
  readonly stream: 'out' | 'err';
  readonly content: TerminalLine;
}

const ENDS: ReadonlySet<string> = new Set(['job.succeeded', 'job.failed', 'job.cancelled']);

/** Return the name of a line: `812`, or `812.2` for the second one that begins in event 812. */
export function lineName({ seq, part }: Pick<OutputLine, 'seq' | 'part'>): string {
  return part > 1 ? `${seq}.${part}` : String(seq);
}

/**
 * Limits how far back a line or a colour can come from, so that a part of a log can be read by itself: a
 * line ends with the last of `pages` pages (of `size` events) after the one with its stream's last
 * newline, and a colour with the last after the one in which its stream last reset all of them.
 */
export interface Reach {
  readonly size: number;
  readonly pages: number;
}

interface Stream {
  readonly terminal: Terminal;
  /** The page of its last event, and those that its line, its colour and the saved place come from. */
  page: number;
  line: number;
  colour: number;
  saved: number;
  /** The pages that line and colour came from when the place was saved: they come back with it. */
  savedLine: number;
  savedColour: number;
}

const NEWLINE = /[\n\v\f]/;
// What resets all colours first: any other sequence adds to what was set before it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what this matches
const RESET = /(?:\u001b\[|\u009b)0*(?:;[\d;:]*)?m/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what this matches
const SAVED = /\u001b7|(?:\u001b\[|\u009b)[\d;:]*s/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what this matches
const RESTORED = /\u001b8|(?:\u001b\[|\u009b)[\d;:]*u/;

/** Turns `step.output` events into lines. Each stream of a step on a target is a terminal, until the step ends. */
export class Terminals {
  readonly #open = new Map<string, Map<string, Stream>>();
  /** The pages in which steps, or all of them, began anew; only those within reach count. */
  readonly #begun = new Map<string, number>();
  #allBegun = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #part = 0;
  #at = '';
  #page = 0;

  /** @param onLine is called with each line when it begins; later output changes that line */
  constructor(
    private readonly onLine: (line: OutputLine) => void,
    private readonly reach: Reach = { size: Number.POSITIVE_INFINITY, pages: 0 },
  ) {}

  /** Add the next event. */
  take(event: JobEvent): void {
    if (event.seq !== this.#seq) this.#part = 0;
    this.#seq = event.seq;
    this.#at = event.at;
    this.#page = Math.floor((event.seq - 1) / this.reach.size);
    if (event.seq === 1) this.#allBegun = 0;
    const place = stepKeyOf(event.step, event.target);
    if (event.type === 'step.output') this.#write(this.#stream(place, event), event.data.text);
    else if (event.type === 'attempt.started' || ENDS.has(event.type)) {
      for (const each of this.#open.keys()) this.#end(each);
      this.#allBegun = this.#page;
    } else if (event.type.startsWith('step.') && event.type !== 'step.progressed') this.#end(place);
  }

  #write(stream: Stream, text: string): void {
    const page = this.#page;
    if (page > stream.page) this.#cut(stream, page - this.reach.pages);
    stream.page = page;
    stream.terminal.write(text);
    this.#age(stream, text);
  }

  /** Note where a stream's line, colour and saved place come from after a text: at the latest from there. */
  #age(stream: Stream, text: string): void {
    if (SAVED.test(text)) {
      stream.saved = this.#page;
      stream.savedLine = stream.line;
      stream.savedColour = stream.colour;
    }
    if (NEWLINE.test(text)) stream.line = this.#page;
    if (RESET.test(text)) stream.colour = this.#page;
    if (!RESTORED.test(text)) return;
    stream.line = Math.min(stream.line, stream.savedLine);
    stream.colour = Math.min(stream.colour, stream.savedColour);
  }

  /** Let a stream forget what comes from before a page. */
  #cut(stream: Stream, page: number): void {
    const { terminal, line, colour, saved, savedLine, savedColour } = stream;
    if (line < page) terminal.endLine();
    if (colour < page) terminal.endColour();
    if (Math.min(saved, savedLine, savedColour) >= page) return;
    terminal.forgetSaved();
    stream.savedLine = stream.savedColour = Number.NEGATIVE_INFINITY;
  }

  #stream(place: string, event: EventOf<'step.output'>): Stream {
    const { step = null, target = null, data } = event;
    const { stream: name = 'out' } = data;
    const streams = this.#open.get(place) ?? new Map<string, Stream>();
    const begun = Math.max(this.#begun.get(place) ?? this.#allBegun, this.#allBegun);
    const stream = streams.get(name) ?? {
      terminal: new Terminal(() => this.#begin(step, target, name)),
      page: Number.NEGATIVE_INFINITY,
      line: begun,
      colour: begun,
      saved: begun,
      savedLine: begun,
      savedColour: begun,
    };
    this.#open.set(place, streams.set(name, stream));
    return stream;
  }

  #begin(step: string | null, target: string | null, stream: 'out' | 'err'): TerminalLine {
    this.#part += 1;
    const content = new TerminalLine();
    this.onLine({ seq: this.#seq, part: this.#part, at: this.#at, step, target, stream, content });
    return content;
  }

  #end(place: string): void {
    for (const { terminal } of this.#open.get(place)?.values() ?? []) terminal.end();
    this.#open.delete(place);
    this.#begun.set(place, this.#page);
  }
}

/**
 * The output of a run, by step and target. Its arrays grow in place, because copying a hundred thousand
 * lines for each new one would be too slow.
 */
export class Output {
  readonly #all: OutputLine[] = [];
  readonly #bySteps = new Map<string, OutputLine[]>();
  readonly #terminals = new Terminals((line) => this.#add(line));
  #seq = 0;

  /** All lines, in the order in which they began; the array grows in place. */
  get all(): readonly OutputLine[] {
    return this.#all;
  }

  /** Return the lines of a step on a target (null: on none; step null: the job itself). */
  of(step: string | null, target: string | null = null): readonly OutputLine[] {
    return this.#bySteps.get(stepKeyOf(step, target)) ?? [];
  }

  /** Add events, in order; those that were added before are skipped. */
  take(events: Iterable<JobEvent>): void {
    for (const event of events) {
      if (event.seq <= this.#seq) continue;
      this.#seq = event.seq;
      this.#terminals.take(event);
    }
  }

  #add(line: OutputLine): void {
    const place = stepKeyOf(line.step, line.target);
    const own = this.#bySteps.get(place) ?? [];
    own.push(line);
    this.#bySteps.set(place, own);
    this.#all.push(line);
  }
}

function stepKeyOf(step?: string | null, target?: string | null): string {
  return `${step ?? ''}\n${target ?? ''}`;
}
