import { type AnsiState, PLAIN, parseAnsi, type Segment } from './ansi';
import type { JobEvent } from './types';

/** What one `step.output` event brought: any number of lines, coloured. */
export interface OutputChunk {
  readonly seq: number;
  readonly at: string;
  readonly step: string | null;
  readonly target: string | null;
  readonly stream: 'out' | 'err';
  readonly text: string;
  /** The colours in force where it begins; `segments` needs them. */
  readonly ansi: AnsiState;
}

/** The output of one step on one target, or of the job itself: chunks in order of seq, growing only. */
export class OutputLog {
  readonly #chunks: OutputChunk[] = [];
  #ansi: AnsiState = PLAIN;

  /** The chunks so far: the same array, longer each time. */
  get chunks(): readonly OutputChunk[] {
    return this.#chunks;
  }

  /** Add what comes next. */
  add(chunk: Omit<OutputChunk, 'ansi'>): OutputChunk {
    const whole = { ...chunk, ansi: this.#ansi };
    this.#ansi = parseAnsi(chunk.text, this.#ansi).state;
    this.#chunks.push(whole);
    return whole;
  }
}

/**
 * The output of a whole run, by step and target. It only grows: a run of a hundred thousand lines is not
 * copied for each new one, as a fold of values would.
 */
export class Output {
  readonly #all: OutputChunk[] = [];
  readonly #logs = new Map<string, OutputLog>();
  #seq = 0;

  /** Everything in order of seq: the same array, longer each time. */
  get all(): readonly OutputChunk[] {
    return this.#all;
  }

  /** The output of a step on a target (null: on none; step null: of the job itself). */
  of(step: string | null, target: string | null = null): readonly OutputChunk[] {
    return this.#logs.get(key(step, target))?.chunks ?? [];
  }

  /** Take in events, in order; what is no output, or has been taken in before, is passed over. */
  take(events: Iterable<JobEvent>): void {
    for (const event of events) {
      if (event.seq <= this.#seq) continue;
      this.#seq = event.seq;
      if (event.type !== 'step.output') continue;
      const { seq, at, step = null, target = null, data } = event;
      const name = key(step, target);
      const log = this.#logs.get(name) ?? new OutputLog();
      this.#logs.set(name, log);
      const { text, stream = 'out' } = data;
      this.#all.push(log.add({ seq, at, step, target, stream, text }));
    }
  }
}

/** Return a chunk's text in coloured segments. */
export function segments(chunk: OutputChunk): Segment[] {
  return parseAnsi(chunk.text, chunk.ansi).segments;
}

function key(step: string | null, target: string | null): string {
  return `${step ?? ''}\n${target ?? ''}`;
}
