import type { Behaviour, Seen } from './behaviour';
import type { History } from './history';
import { JOB } from './history';

/** How one transport writes what the server says. */
export interface Writer {
  control(kind: string, members: Readonly<Record<string, unknown>>): void;
  events(texts: readonly string[], cursors: readonly string[]): void;
  error(error: NonNullable<Behaviour['error']>): void;
  /** The regular end of a finite answer. */
  rotated(): void;
  /** After `end`. */
  finished(): void;
}

/** One follower as the server sees it: hello, history, caught_up, what comes, end. */
export class Connection {
  #sent: number;
  #count = 0;
  #over = false;
  #caughtUp = false;

  constructor(
    private readonly log: History,
    seen: Seen,
    private readonly does: Behaviour,
    private readonly writer: Writer,
  ) {
    this.#sent = Number.parseInt(seen.after, 10);
  }

  /** Whether it has ended, or says nothing any more. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Say hello and everything that there is. */
  start(): void {
    const hello = {
      protocol: 1,
      job: JOB,
      after: this.#sent,
      head: this.log.head,
      heartbeat_s: 15,
    };
    this.writer.control('hello', { ...hello, ...this.does.hello });
    this.pump();
  }

  /** Send what is new. */
  pump(): void {
    if (this.#over) return;
    this.#history();
    if (this.#over) return;
    if (!this.#caughtUp) {
      this.#caughtUp = true;
      this.writer.control('caught_up', { seq: this.#sent, head: this.log.head });
    }
    if (this.log.over) {
      this.#over = true;
      this.writer.control('end', { seq: this.#sent, status: this.log.status });
      this.writer.finished();
    }
  }

  /** Send a frame besides. */
  control(kind: string, members: Readonly<Record<string, unknown>>): void {
    if (!this.#over) this.writer.control(kind, members);
  }

  /** End regularly, the job going on. */
  rotate(): void {
    this.#over = true;
    this.writer.rotated();
  }

  #history(): void {
    const { mangle, batch = 7, error, rotate, stallsAfter = Infinity } = this.does;
    const due = Array.from({ length: this.log.head - this.#sent }, (_, at) => this.#sent + at + 1);
    const seqs = mangle ? mangle(due) : due;
    const most = Math.min(error ? (error.after ?? 0) : Infinity, rotate ?? Infinity, stallsAfter);
    const limit = most - this.#count;
    const sent = seqs.slice(0, Math.max(0, limit));
    for (let at = 0; at < sent.length; at += batch) this.#write(sent.slice(at, at + batch));
    this.#count += sent.length;
    this.#sent = this.log.head;
    if (limit > sent.length) return;
    this.#over = true;
    if (error) this.writer.error(error);
    else if (stallsAfter > most) this.writer.rotated();
  }

  #write(seqs: readonly number[]): void {
    const texts = seqs.map((seq) => this.log.texts[seq - 1] ?? '');
    this.writer.events(
      texts,
      seqs.map((seq) => this.log.cursor(seq)),
    );
  }
}
