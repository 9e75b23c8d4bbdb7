import { type Closed, type Lost, lost } from './close-reasons.js';
import { Connection, type ConnectionListener } from './connection.js';
import { cursorOf, seqOf } from './cursor.js';
import type { Cancel, Clock } from './platform.js';
import type { Sink, Transport } from './transports/transport.js';
import type { EndFrame, Frame, HelloFrame, JobEvent, PlaceFrame } from './types.js';

/** Receives what a connection reports. */
export interface JobConnectionListener extends ConnectionListener {
  onHello(connection: JobConnection, frame: HelloFrame): void;
  /** Events that follow the previous ones of this connection without a gap. */
  onEvents(connection: JobConnection, events: readonly JobEvent[]): void;
  /** `caught_up` or `fell_behind`. */
  onPlace(connection: JobConnection, frame: PlaceFrame): void;
  /** A heartbeat: the head, and the server's time. */
  onHeartbeat(connection: JobConnection, head: number, at?: string): void;
  onEnd(connection: JobConnection, frame: EndFrame): void;
  /** The server set the reconnection time. */
  onRetry(ms: number): void;
}

/** Counts what a connection should not have sent. */
export interface Faults {
  duplicates: number;
  gaps: number;
}

/**
 * One connection over one transport. It waits for the first frame (an open socket alone proves nothing),
 * detects silence, and passes events on only in unbroken order.
 */
export class JobConnection extends Connection implements Sink {
  #seq: number;
  #cursor: string;
  #cancel: Cancel = () => undefined;

  constructor(
    readonly transport: Transport,
    cursor: string,
    protected override readonly listener: JobConnectionListener,
    clock: Clock,
    private readonly faults: Faults,
    firstFrameMs: number,
  ) {
    super(listener, clock, firstFrameMs, transport.flowing === true, transport.finite === true);
    this.#cursor = cursor;
    this.#seq = seqOf(cursor);
  }

  /** Connect, and wait for the first frame. */
  open(): void {
    this.armTimer();
    this.#cancel = this.transport.open(this.#cursor, this);
    if (this.isOver) this.#cancel();
  }

  /** The seq of the last event. */
  get seq(): number {
    return this.#seq;
  }

  alive(bytes = Number.POSITIVE_INFINITY): void {
    this.noteBytes(bytes);
  }

  retry(ms: number): void {
    if (!this.isOver) this.listener.onRetry(ms);
  }

  closed(closed: Closed): void {
    const early = closed.how === 'rotated' && !this.greeted;
    this.end(early ? lost('no_first_frame', 'The answer ended before its first frame.') : closed);
  }

  frame(frame: Frame): void {
    if (this.isOver) return;
    if (!this.greeted && frame.kind !== 'hello') {
      this.end(lost('bad_frame', `The first frame was ${frame.kind}, not hello.`));
      return;
    }
    this.noteFrame();
    this.#handleFrame(frame);
    this.checkProof();
  }

  protected disconnect(): void {
    this.#cancel();
  }

  #handleFrame(frame: Frame): void {
    switch (frame.kind) {
      case 'hello':
        if (this.acceptHello(frame.protocol, frame.heartbeat_s)) this.listener.onHello(this, frame);
        break;
      case 'events':
        this.#handleEvents(frame.events);
        break;
      case 'caught_up':
      case 'fell_behind':
        if (!this.#isComplete(frame.seq)) return;
        this.noteCaughtUp(frame.kind === 'caught_up');
        this.listener.onPlace(this, frame);
        break;
      case 'heartbeat':
        this.listener.onHeartbeat(this, frame.head, frame.at);
        break;
      case 'end':
        if (!this.#isComplete(frame.seq)) return;
        this.close();
        this.listener.onEnd(this, frame);
        break;
    }
  }

  #handleEvents(events: readonly JobEvent[]): void {
    const fresh: JobEvent[] = [];
    let gap: Lost | null = null;
    for (const event of events) {
      if (event.seq <= this.#seq) {
        this.faults.duplicates += 1;
      } else if (event.seq === this.#seq + 1) {
        this.#seq = event.seq;
        this.#cursor = cursorOf(event);
        fresh.push(event);
      } else {
        gap = lost('gap', `After #${this.#seq} came #${event.seq}.`);
        break;
      }
    }
    this.delivered += fresh.length;
    if (fresh.length > 0) this.listener.onEvents(this, fresh);
    if (gap) this.#endWithGap(gap);
  }

  /** Whether everything up to `seq` has come; if not, the connection ends. */
  #isComplete(seq: number): boolean {
    if (seq <= this.#seq) return true;
    const message = `Events up to #${seq} should have come; the last was #${this.#seq}.`;
    this.#endWithGap(lost('gap', message));
    return false;
  }

  #endWithGap(closed: Lost): void {
    if (this.isOver) return;
    this.faults.gaps += 1;
    this.end(closed);
  }
}
