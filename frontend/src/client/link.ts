import { type Closed, type Lost, lost } from './closed';
import { cursorOf, seqOf } from './cursor';
import type { Cancel, Clock } from './platform';
import type { Sink, Transport } from './transports/transport';
import type { EndFrame, Frame, HelloFrame, JobEvent, PlaceFrame } from './types';

/** The protocol's version that this follower speaks. */
export const PROTOCOL = 1;
/** Silence longer than this many heartbeats means that nobody is there any more. */
const PATIENCE = 2.5;
/** A timer that comes later than this, in ms, says that the page was busy or asleep, not the line. */
const LATE_MS = 1000;
/** Heartbeats of silence past which a wake-up does not trust a connection. */
const STALE = 1.2;

/** What a `hello` without a usable `heartbeat_s` is taken to say. */
const HEARTBEAT_S = 15;

/** What the follower wants to know of a connection. */
export interface LinkListener {
  hello(link: Link, frame: HelloFrame): void;
  /** Events that come right after the ones before, on this connection. */
  events(link: Link, events: readonly JobEvent[]): void;
  /** `caught_up` or `fell_behind`. */
  place(link: Link, frame: PlaceFrame): void;
  /** A heartbeat: the head, and what the server's clock says. */
  head(link: Link, head: number, at?: string): void;
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
 * watches for silence, and lets through events in unbroken order only. The server of a flowing transport
 * never pauses before it has caught up: where it seems to, something on the way holds the rest back.
 */
export class Link implements Sink {
  /** Whether a `hello` has come. */
  greeted = false;
  /** Whether any frame has come, or the server has said why it gives none. */
  reached = false;
  /** How many events it has brought. */
  brought = 0;
  readonly #openedAt: number;
  #last: number;
  #cursor: string;
  #seenAt: number;
  #heartbeatMs = 0;
  #firstFrameMs = 0;
  #caughtUp = false;
  #over = false;
  #close: Cancel = () => undefined;
  #timer: Cancel = () => undefined;

  constructor(
    readonly transport: Transport,
    cursor: string,
    private readonly listener: LinkListener,
    private readonly clock: Clock,
    private readonly faults: Faults,
  ) {
    this.#cursor = cursor;
    this.#last = seqOf(cursor);
    this.#openedAt = clock.now();
    this.#seenAt = this.#openedAt;
  }

  /** Connect, and wait `firstFrameMs` for the first frame. */
  open(firstFrameMs: number): void {
    this.#firstFrameMs = firstFrameMs;
    this.#timer = this.clock.after(firstFrameMs, () => {
      const seconds = Math.round(firstFrameMs / 100) / 10;
      this.#end(lost('no_first_frame', `Nothing came within ${seconds} s.`));
    });
    this.#close = this.transport.open(this.#cursor, this);
    if (this.#over) this.#close();
  }

  /** Close; the listener is told nothing more. */
  close(): void {
    this.#over = true;
    this.#timer();
    this.#close();
  }

  /** For how long there has been this connection, in ms. */
  get age(): number {
    return this.clock.now() - this.#openedAt;
  }

  /** Whether it has been so silent that, after a sleep, it is likelier dead than alive. */
  get stale(): boolean {
    return this.greeted && this.clock.now() - this.#seenAt > STALE * this.#heartbeatMs;
  }

  alive(): void {
    this.#seenAt = this.clock.now();
  }

  retry(ms: number): void {
    if (!this.#over) this.listener.retry(ms);
  }

  closed(closed: Closed): void {
    if (closed.how === 'refused' || closed.how === 'ended') this.reached = true;
    if (closed.how === 'lost' && closed.fromServer) this.reached = true;
    const early = closed.how === 'rotated' && !this.greeted;
    this.#end(early ? lost('no_first_frame', 'The answer ended before its first frame.') : closed);
  }

  frame(frame: Frame): void {
    if (this.#over) return;
    this.alive();
    if (!this.greeted && frame.kind !== 'hello') {
      this.#end(lost('bad_frame', `The first frame was ${frame.kind}, not hello.`));
      return;
    }
    this.#take(frame);
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
    if (frame.kind === 'caught_up' && !this.#caughtUp) {
      this.#caughtUp = true;
      this.#timer();
      this.#watch();
    }
    this.listener.place(this, frame);
  }

  #hello(frame: HelloFrame): void {
    if (frame.protocol !== PROTOCOL) {
      const message = `The server speaks protocol ${frame.protocol}, this page ${PROTOCOL}.`;
      this.#end({ how: 'refused', code: 'unsupported_protocol', message });
      return;
    }
    this.reached = true;
    this.#heartbeatMs = (frame.heartbeat_s > 0 ? frame.heartbeat_s : HEARTBEAT_S) * 1000;
    if (!this.greeted) {
      this.greeted = true;
      this.#timer();
      this.#watch();
    }
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

  /** Whether silence now would mean that something on the way holds the rest back. */
  get #flows(): boolean {
    return this.transport.flowing === true && !this.#caughtUp;
  }

  /** For how long there may be silence now, in ms. */
  get #limit(): number {
    const limit = PATIENCE * this.#heartbeatMs;
    return this.#flows ? Math.min(limit, this.#firstFrameMs) : limit;
  }

  #watch(): void {
    const left = this.#seenAt + this.#limit - this.clock.now();
    if (left <= 0) {
      const said = `Nothing came for ${Math.round(this.#limit / 1000)} s.`;
      this.#end(lost(this.#flows ? 'held' : 'silent', said));
      return;
    }
    const due = this.clock.now() + left;
    this.#timer = this.clock.after(left, () => {
      // What came while the page could not look is still to be seen.
      if (this.#flows && this.clock.now() > due + LATE_MS) this.alive();
      this.#watch();
    });
  }
}
