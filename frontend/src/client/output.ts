import { Terminal } from './terminal';
import { TerminalLine } from './terminal-line';
import type { EventOf, JobEvent } from './types';

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

/** Turns `step.output` events into lines. Each stream of a step on a target is a terminal, until the step ends. */
export class Terminals {
  readonly #open = new Map<string, Map<string, Terminal>>();
  #seq = 0;
  #part = 0;
  #at = '';

  /** @param onLine is called with each line when it begins; later output changes that line */
  constructor(private readonly onLine: (line: OutputLine) => void) {}

  /** Add the next event. */
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
