import { Terminal } from './terminal';
import { TerminalLine } from './terminal-line';
import type { EventOf, JobEvent } from './types';

/** A line that a step wrote, as a terminal shows it. `content` changes until it has ended. */
export interface OutputLine {
  /** The event that it begins in, and which of the lines that do, from 1: 812 and 3 are `#812.3`. */
  readonly seq: number;
  readonly part: number;
  readonly at: string;
  readonly step: string | null;
  readonly target: string | null;
  readonly stream: 'out' | 'err';
  readonly content: TerminalLine;
}

const ENDS: ReadonlySet<string> = new Set(['job.succeeded', 'job.failed', 'job.cancelled']);

/** Return what a line is called: `812`, `812.2` for the second that begins in event 812. */
export function lineName({ seq, part }: Pick<OutputLine, 'seq' | 'part'>): string {
  return part > 1 ? `${seq}.${part}` : String(seq);
}

/**
 * Makes lines of `step.output` events: each stream of each step on each target is a terminal of its
 * own, until the step ends.
 */
export class Terminals {
  readonly #open = new Map<string, Map<string, Terminal>>();
  #seq = 0;
  #part = 0;
  #at = '';

  /** @param onLine takes each line as it begins; what is written to it later is in it. */
  constructor(private readonly onLine: (line: OutputLine) => void) {}

  /** Take in the next event. */
  take(event: JobEvent): void {
    if (event.seq !== this.#seq) this.#part = 0;
    this.#seq = event.seq;
    this.#at = event.at;
    const place = stepKeyOf(event.step, event.target);
    if (event.type === 'step.output') this.#terminal(place, event).write(event.data.text);
    else if (event.type === 'attempt.started' || ENDS.has(event.type)) {
      for (const each of this.#open.keys()) this.#end(each);
    } else if (event.type.startsWith('step.') && event.type !== 'step.progressed') this.#end(place);
  }

  #terminal(place: string, event: EventOf<'step.output'>): Terminal {
    const { step = null, target = null, data } = event;
    const { stream = 'out' } = data;
    const streams = this.#open.get(place) ?? new Map<string, Terminal>();
    const terminal = streams.get(stream) ?? new Terminal(() => this.#begin(step, target, stream));
    this.#open.set(place, streams.set(stream, terminal));
    return terminal;
  }

  #begin(step: string | null, target: string | null, stream: 'out' | 'err'): TerminalLine {
    this.#part += 1;
    const content = new TerminalLine();
    this.onLine({ seq: this.#seq, part: this.#part, at: this.#at, step, target, stream, content });
    return content;
  }

  #end(place: string): void {
    for (const terminal of this.#open.get(place)?.values() ?? []) terminal.end();
    this.#open.delete(place);
  }
}

/**
 * The output of a whole run, by step and target. It only grows: a run of a hundred thousand lines is not
 * copied for each new one, as a fold of values would.
 */
export class Output {
  readonly #all: OutputLine[] = [];
  readonly #bySteps = new Map<string, OutputLine[]>();
  readonly #terminals = new Terminals((line) => this.#add(line));
  #seq = 0;

  /** Every line, in the order in which they began: the same array, longer each time. */
  get all(): readonly OutputLine[] {
    return this.#all;
  }

  /** The lines of a step on a target (null: on none; step null: of the job itself). */
  of(step: string | null, target: string | null = null): readonly OutputLine[] {
    return this.#bySteps.get(stepKeyOf(step, target)) ?? [];
  }

  /** Take in events, in order; what has been taken in before is passed over. */
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
