import { lost } from './close-reasons.js';
import { Connection, type ConnectionListener } from './connection.js';
import type { Clock } from './platform.js';
import type { Progress } from './progress.js';
import type { Sink, Transport } from './transports/transport.js';
import type { Frame, JobEvent, JobStatus, PlaceFrame } from './types.js';

/** Receives what a connection reports. */
export interface JobConnectionListener extends ConnectionListener {
  onHello(head: number): void;
  /** Events that follow the previous ones of this connection without a gap. */
  onEvents(events: readonly JobEvent[]): void;
  /** `caught_up` or `fell_behind`. */
  onPlace(frame: PlaceFrame): void;
  onEnd(status: JobStatus): void;
  /** The server set the reconnection time. */
  onRetry(ms: number): void;
}

/**
 * One connection over one transport. It waits for the first frame (an open socket alone proves nothing),
 * detects silence, and passes events on only in unbroken order.
 */
export class JobConnection extends Connection<Frame, JobConnectionListener> implements Sink {
  declare readonly transport: Transport;
  #seq: number;

  /** @param progress where it begins, and what counts its faults */
  constructor(
    transport: Transport,
    listener: JobConnectionListener,
    clock: Clock,
    firstFrameMs: number,
    private readonly progress: Progress,
  ) {
    super(listener, clock, firstFrameMs, transport);
    this.#seq = progress.info.seq;
  }

  /** Connect, and wait for the first frame. */
  open(): void {
    this.disconnect = this.transport.open(this.progress.info.cursor, this);
    if (this.isOver) this.disconnect();
  }

  retry(ms: number): void {
    this.listener.onRetry(ms);
  }

  protected handleFrame(frame: Frame): void {
    switch (frame.kind) {
      case 'hello':
        this.listener.onHello(frame.head);
        break;
      case 'events':
        this.#handleEvents(frame.events);
        break;
      case 'caught_up':
      case 'fell_behind':
        if (this.#isGap(frame.seq)) return;
        this.noteCaughtUp(frame.kind === 'caught_up');
        this.listener.onPlace(frame);
        break;
      case 'heartbeat':
        this.progress.heartbeat(frame.head, frame.at);
        break;
      case 'end':
        if (this.#isGap(frame.seq)) return;
        this.close();
        this.listener.onEnd(frame.status);
        break;
    }
  }

  #handleEvents(events: readonly JobEvent[]): void {
    const fresh: JobEvent[] = [];
    let seq = 0;
    for (const event of events) {
      seq = event.seq;
      if (seq > this.#seq + 1) break;
      if (seq <= this.#seq) {
        this.progress.faults.duplicates += 1;
      } else {
        this.#seq = seq;
        fresh.push(event);
      }
    }
    this.delivered += fresh.length;
    if (fresh.length > 0) this.listener.onEvents(fresh);
    this.#isGap(seq);
  }

  /** Whether events up to `seq` are missing, which ends the connection. */
  #isGap(seq: number): boolean {
    if (seq <= this.#seq || this.isOver) return false;
    this.progress.faults.gaps += 1;
    this.closed(lost('gap', `The event after #${this.#seq} is missing.`));
    return true;
  }
}
