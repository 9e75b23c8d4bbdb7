import { type Closed, type Lost, lost } from './close-reasons';
import { cursorOf, seqOf } from './cursor';
import type { Cancel, Clock } from './platform';
import { Silence, Watch, type WatchListener } from './silence';
import type { Sink, Transport } from './transports/transport';
import type { EndFrame, Frame, HelloFrame, JobEvent, PlaceFrame } from './types';

/** The protocol's version that this follower speaks. */
export const PROTOCOL = 1;
/** A connection that brought something for so long, in ms, did what it could, even if it is cut then. */
const LONG_MS = 20_000;

/** What the follower wants to know of a connection. */
export interface LinkListener {
  hello(link: Link, frame: HelloFrame): void;
  /** Events that come right after the ones before, on this connection. */
  events(link: Link, events: readonly JobEvent[]): void;
  /** `caught_up` or `fell_behind`. */
  place(link: Link, frame: PlaceFrame): void;
  /** It has caught up, and nothing on the way holds back what comes after that; told once. */
  proved(link: Link): void;
  /** A heartbeat: the head, and what the server's clock says. */
  head(link: Link, head: number, at?: string): void;
  /** Heartbeats are overdue, or something came again after they were. */
  quiet(link: Link, isQuiet: boolean): void;
  end(link: Link, frame: EndFrame): void;
  retry(ms: number): void;
  /** Once, unless `close` was called. */
  closed(link: Link, closed: Closed): void;
}

/** Counts of what a connection should not have sent. */
export interface Faults {
  duplicates: number;
  gaps: number;
}

/**
 * One connection over one transport: waits for its first frame (an open socket alone proves nothing),
 * watches for silence, and lets through events in unbroken order only.
 */
export class Link implements Sink, WatchListener {
  /** Whether a `hello` has come. */
  greeted = false;
  /** How many events it has brought. */
  brought = 0;
  readonly #openedAt: number;
  readonly #silence: Silence;
  readonly #watch: Watch;
  #last: number;
  #cursor: string;
  #proved = false;
  #over = false;
  #close: Cancel = () => undefined;

  constructor(
    readonly transport: Transport,
    cursor: string,
    private readonly listener: LinkListener,
    private readonly clock: Clock,
    private readonly faults: Faults,
    firstFrameMs: number,
  ) {
    this.#cursor = cursor;
    this.#last = seqOf(cursor);
    this.#openedAt = clock.now();
    this.#silence = new Silence(this.#openedAt, firstFrameMs, transport.flowing === true);
    this.#watch = new Watch(this.#silence, clock, this);
  }

  /** Connect, and wait for the first frame. */
  open(): void {
    this.#watch.arm();
    this.#close = this.transport.open(this.#cursor, this);
    if (this.#over) this.#close();
  }

  /** Close; the listener is told nothing more. */
  close(): void {
    this.#over = true;
    this.#watch.stop();
    this.#close();
  }

  /** The seq that it has come to. */
  get seq(): number {
    return this.#last;
  }

  /** For how long there has been this connection, in ms. */
  get age(): number {
    return this.clock.now() - this.#openedAt;
  }

  /** Whether everything has come, and it has not fallen behind since. */
  get isCaughtUp(): boolean {
    return this.#silence.isCaughtUp;
  }

  /** Whether it was a slow one, or one that goes on and on, rather than one that fails. */
  get broughtForLong(): boolean {
    return this.brought > 0 && this.age >= LONG_MS;
  }

  /** Whether it has caught up, and nothing on the way holds back what comes after that. */
  get isProved(): boolean {
    return this.isCaughtUp && (this.transport.finite === true || this.#silence.proved);
  }

  /** Whether it has been so silent that, after a sleep, it is likelier dead than alive. */
  get stale(): boolean {
    return this.#silence.stale(this.clock.now());
  }

  alive(bytes = Number.POSITIVE_INFINITY): void {
    this.#silence.bytes(bytes, this.clock.now());
  }

  retry(ms: number): void {
    if (!this.#over) this.listener.retry(ms);
  }

  closed(closed: Closed): void {
    const early = closed.how === 'rotated' && !this.greeted;
    this.#end(early ? lost('no_first_frame', 'The answer ended before its first frame.') : closed);
  }

  quiet(): void {
    this.listener.quiet(this, true);
  }

  late(asleep: boolean): void {
    this.#end(this.#silence.overdue(asleep, this.isProved));
  }

  frame(frame: Frame): void {
    if (this.#over) return;
    if (!this.greeted && frame.kind !== 'hello') {
      this.#end(lost('bad_frame', `The first frame was ${frame.kind}, not hello.`));
      return;
    }
    this.#silence.frame(this.clock.now());
    if (this.#watch.heard()) {
      this.#watch.arm();
      this.listener.quiet(this, false);
    }
    this.#take(frame);
    if (!this.#over) this.#prove();
  }

  #take(frame: Frame): void {
    switch (frame.kind) {
      case 'hello':
        this.#hello(frame);
        break;
      case 'events':
        this.#events(frame.events);
        break;
      case 'caught_up':
      case 'fell_behind':
        if (this.#complete(frame.seq)) this.#place(frame);
        break;
      case 'heartbeat':
        this.listener.head(this, frame.head, frame.at);
        break;
      case 'end':
        if (this.#complete(frame.seq)) this.#finish(frame);
        break;
    }
  }

  #place(frame: PlaceFrame): void {
    if (frame.kind === 'caught_up') this.#silence.caughtUp(this.clock.now());
    else this.#silence.fellBehind();
    this.#watch.arm();
    this.listener.place(this, frame);
  }

  #prove(): void {
    if (this.#proved || !this.isProved) return;
    this.#proved = true;
    this.listener.proved(this);
  }

  #hello(frame: HelloFrame): void {
    if (frame.protocol !== PROTOCOL) {
      const message = `The server speaks protocol ${frame.protocol}, this page ${PROTOCOL}.`;
      this.#end({ how: 'refused', code: 'unsupported_protocol', message });
      return;
    }
    this.greeted = true;
    this.#silence.greeted(frame.heartbeat_s);
    this.#watch.arm();
    this.listener.hello(this, frame);
  }

  #events(events: readonly JobEvent[]): void {
    const fresh: JobEvent[] = [];
    let gap: Lost | null = null;
    for (const event of events) {
      if (event.seq <= this.#last) {
        this.faults.duplicates += 1;
      } else if (event.seq === this.#last + 1) {
        this.#last = event.seq;
        this.#cursor = cursorOf(event);
        fresh.push(event);
      } else {
        gap = lost('gap', `After #${this.#last} came #${event.seq}.`);
        break;
      }
    }
    this.brought += fresh.length;
    if (fresh.length > 0) this.listener.events(this, fresh);
    if (gap) this.#gap(gap);
  }

  /** Whether everything up to `seq` has come; a connection that skipped something is given up. */
  #complete(seq: number): boolean {
    if (seq <= this.#last) return true;
    this.#gap(lost('gap', `Events up to #${seq} should have come; the last was #${this.#last}.`));
    return false;
  }

  #gap(closed: Lost): void {
    if (this.#over) return;
    this.faults.gaps += 1;
    this.#end(closed);
  }

  #finish(frame: EndFrame): void {
    this.close();
    this.listener.end(this, frame);
  }

  #end(closed: Closed): void {
    if (this.#over) return;
    this.close();
    this.listener.closed(this, closed);
  }
}
