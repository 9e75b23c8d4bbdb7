/** The lines of a run's log, made of its events once, and kept by step. */

import { type AnsiState, type JobEvent, PLAIN, parseAnsi } from '../client';
import { words } from '../text/words';

/** One line. `kind`: what a step wrote (out, err), or what happened (note, bad). */
export interface Line {
  readonly seq: number;
  readonly at: string;
  readonly target: string;
  readonly step: string;
  readonly text: string;
  /** The colours in force where it begins. */
  readonly ansi: AnsiState;
  readonly kind: 'out' | 'err' | 'note' | 'bad';
}

/** All lines, and those of each step; the arrays only ever grow. */
export class Lines {
  readonly all: Line[] = [];
  private readonly steps = new Map<string, Line[]>();
  private readonly colours = new Map<string, AnsiState>();

  /** The lines of one step on one target (`''`: the job itself). */
  of(target: string, step: string): readonly Line[] {
    return this.own(target, step);
  }

  /** Take in events, in order. */
  take(events: readonly JobEvent[]): void {
    for (const event of events) this.event(event);
  }

  private event(event: JobEvent): void {
    if (event.type === 'step.output') {
      this.output(event, event.data.stream === 'err' ? 'err' : 'out', event.data.text);
    } else if (event.type === 'step.failed' || event.type === 'job.failed') {
      this.add(event, 'bad', words(event));
    } else if (isNote(event)) {
      this.add(event, 'note', words(event));
    }
  }

  /** A colour lasts until it is changed, past the end of the line and of the event. */
  private output(event: JobEvent, kind: Line['kind'], output: string): void {
    const key = keyOf(event.target, event.step);
    let ansi = this.colours.get(key) ?? PLAIN;
    for (const text of split(output)) {
      this.add(event, kind, text, ansi);
      if (ansi !== PLAIN || text.includes('\x1b')) ansi = parseAnsi(`${text}\n`, ansi).state;
    }
    this.colours.set(key, ansi);
  }

  private add(event: JobEvent, kind: Line['kind'], text: string, ansi = PLAIN): void {
    const { seq, at, target = '', step = '' } = event;
    const line: Line = { seq, at, target, step, text, ansi, kind };
    this.all.push(line);
    if (target || step) this.own(target, step).push(line);
  }

  private own(target: string, step: string): Line[] {
    const key = keyOf(target, step);
    const lines = this.steps.get(key) ?? [];
    this.steps.set(key, lines);
    return lines;
  }
}

function keyOf(target = '', step = ''): string {
  return `${target}\n${step}`;
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

/** The lines of a chunk of output; of what a progress bar overwrote with \r only the last is left. */
function split(text: string): string[] {
  const lines = text.replace(/\r\n/g, '\n').replace(/\n$/, '').split('\n');
  return lines.map((line) => {
    const trimmed = line.replace(/\r+$/, '');
    return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
  });
}
