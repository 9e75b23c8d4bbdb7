/** Asks the server in which events lines begin that match a filter and a text, and gathers its answers. */

import { parseJson } from '../client';
import { fetchAndSync } from '../elements/server-clock';
import { lowerBound } from './log-lines';

/** Which lines of a log are shown; '' is any. */
export interface LogFilter {
  readonly target: string | null;
  readonly step: string | null;
  readonly stream: '' | 'out' | 'err';
  /** Only failures, and what steps printed that failed or needed another try. */
  readonly failures: boolean;
}

/** Every line. */
export const NO_FILTER: LogFilter = { target: null, step: null, stream: '', failures: false };

/** Whether a filter lets every line through. */
export function isEveryLine({ target, step, stream, failures }: LogFilter): boolean {
  return target === null && step === null && !stream && !failures;
}

/** One line of the server's answer. */
interface Found {
  readonly kind: 'hits' | 'progress' | 'end' | 'error';
  readonly seqs?: readonly number[];
  readonly seq?: number;
  readonly complete?: boolean;
  readonly message?: string;
}

/** A line found before may change while its events are this near to the head. */
const MAY_CHANGE = 3000;
const PAUSE_MS = 400;
const RETRY_MS = 3000;
/** Hits in one answer. */
const MAX_HITS = 100_000;

/** One question. `onChange` is called as answers come. */
export class LogQuery {
  /** The seqs of the events in which matching lines begin, ascending. */
  readonly seqs: number[] = [];
  /** Up to this event everything has been searched. */
  searched = 0;
  /** Whether an answer is under way. */
  isBusy = false;
  failure: unknown = null;
  /** Resolves when the answer that is under way has come. */
  answered: Promise<void> = Promise.resolve();
  private readonly stopper = new AbortController();
  /** The event up to which to search: the newest one, or the moment in the past that is shown. */
  private head = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly job: string,
    private readonly filter: LogFilter,
    private readonly text: string,
    private readonly onChange: () => void,
  ) {}

  /** Search up to the head; again if there is more by now, or if it has failed. */
  update(head: number): void {
    this.head = head;
    if (this.isBusy || this.timer !== undefined || head <= this.searched) return;
    const ask = () => {
      this.timer = undefined;
      this.answered = this.run();
    };
    if (this.failure) this.timer = setTimeout(ask, RETRY_MS);
    else if (this.searched) this.timer = setTimeout(ask, PAUSE_MS);
    else ask();
  }

  /** Stop searching; nothing is reported afterwards. */
  stop(): void {
    clearTimeout(this.timer);
    this.stopper.abort();
  }

  /** The number of hits in the events after `after`, up to `until`. */
  countBetween(after: number, until: number): number {
    return this.indexAfter(until) - this.indexAfter(after);
  }

  /** The index of the first hit after an event. */
  indexAfter(seq: number): number {
    return lowerBound(this.seqs, (one) => one <= seq);
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    this.seqs.length = this.indexAfter(this.searched - MAY_CHANGE);
    try {
      let after: number | null = Math.max(0, this.searched - MAY_CHANGE);
      while (after !== null) after = await this.ask(after);
      this.failure = null;
    } catch (error) {
      if (this.stopper.signal.aborted) return;
      this.failure = error;
    }
    this.isBusy = false;
    this.onChange();
  }

  /** Search what comes after an event; returns from where to go on, or null if that was all. */
  private async ask(after: number): Promise<number | null> {
    const address = `/api/jobs/${this.job}/search?${this.parameters(after)}`;
    const { signal } = this.stopper;
    const answer = await fetchAndSync(address, { credentials: 'same-origin', signal });
    if (!answer.ok || !answer.body) throw new Error(`HTTP ${answer.status}`);
    let next: number | null = after;
    for await (const line of linesOf(answer.body)) {
      const found = parseJson(line) as Found;
      this.take(found);
      if (found.kind === 'end') next = found.complete ? null : (found.seq ?? after);
    }
    return next;
  }

  private parameters(after: number): URLSearchParams {
    const { target, step, stream, failures } = this.filter;
    const asked = new URLSearchParams({
      after: String(after),
      before: String(this.head + 1),
      limit: String(MAX_HITS),
    });
    if (this.text) asked.set('text', this.text);
    if (target !== null) asked.set('target', target);
    if (step !== null) asked.set('step', step);
    if (stream) asked.set('stream', stream);
    if (failures) asked.set('failures', '1');
    return asked;
  }

  private take({ kind, seqs = [], seq = 0, message }: Found): void {
    if (kind === 'error') throw new Error(message);
    if (kind === 'hits') for (const one of seqs) this.add(one);
    else this.searched = seq;
    this.onChange();
  }

  /** Lines are found when they end, so one may have begun before those that were found earlier. */
  private add(seq: number): void {
    if (seq > (this.seqs.at(-1) ?? 0)) {
      this.seqs.push(seq);
      return;
    }
    const at = this.indexAfter(seq);
    if (this.seqs[at - 1] !== seq) this.seqs.splice(at, 0, seq);
  }
}

/** The lines of a body, as they come. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line) yield line;
    if (done) return;
  }
}
