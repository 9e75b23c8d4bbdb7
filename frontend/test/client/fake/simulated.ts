import type { Cancel, Sink, Transport, TransportName } from '../../../src/client';
import { closedByCode, type Lost } from '../../../src/client/close-reasons';
import { type History, JOB } from './history';

/** What one connection does next, right or wrong. */
export type Move =
  | { readonly does: 'send' | 'again' | 'skip' | 'drip'; readonly count: number }
  | {
      readonly does:
        | 'greet'
        | 'caught up'
        | 'fall behind'
        | 'beat'
        | 'rotate'
        | 'cut'
        | 'busy'
        | 'fall silent'
        | 'mumble'
        | 'end large messages';
    };

const CUT: Lost = { how: 'lost', code: 'cut', message: '', retryAfterMs: 0, fromServer: false };
const TOO_BIG = closedByCode(1009, '', null);

/** A connection without a socket: it does its moves one by one, then all that is right. */
class Simulated {
  #sent: number;
  #greeted = false;

  constructor(
    private readonly log: History,
    after: string,
    private readonly moves: Move[],
    private readonly sink: Sink,
  ) {
    this.#sent = Number.parseInt(after, 10);
  }

  /** Whether it says nothing any more, though it is open. */
  get isSilent(): boolean {
    return this.moves[0]?.does === 'fall silent';
  }

  /** Do the next thing. */
  step(): void {
    const move = this.moves[0];
    if (move?.does === 'fall silent') return;
    this.moves.shift();
    if (move?.does === 'mumble') this.#end(CUT);
    else if (!this.#greeted) this.#hello();
    else if (move) this.#move(move);
    else this.#finish();
  }

  #hello(): void {
    this.#greeted = true;
    const { head } = this.log;
    const hello = { protocol: 1, job: JOB, after: this.#sent, head, heartbeat_s: 15 };
    this.sink.frame({ kind: 'hello', ...hello });
  }

  #move(move: Move): void {
    const { head } = this.log;
    const place = { seq: this.#sent, head };
    switch (move.does) {
      case 'send':
        this.#send(this.#sent, this.#sent + move.count);
        this.#sent = Math.min(head, this.#sent + move.count);
        break;
      case 'again':
        this.#send(Math.max(0, this.#sent - move.count), this.#sent);
        break;
      case 'skip':
        this.#sent = Math.min(head, this.#sent + move.count);
        break;
      case 'drip':
        this.sink.alive(move.count);
        break;
      case 'greet':
        break;
      case 'caught up':
        this.sink.frame({ kind: 'caught_up', ...place, head: this.#sent });
        break;
      case 'end large messages':
        this.#end(TOO_BIG);
        break;
      case 'fall behind':
        this.sink.frame({ kind: 'fell_behind', ...place });
        break;
      case 'beat':
        this.sink.frame({ kind: 'heartbeat', head });
        break;
      case 'rotate':
        this.#end({ how: 'rotated' });
        break;
      case 'busy':
        this.#end({ ...CUT, code: 'going_down', retryAfterMs: 2000, fromServer: true });
        break;
      default:
        this.#end(CUT);
    }
  }

  #send(from: number, to: number): void {
    const events = this.log.events.slice(from, to);
    if (events.length > 0) this.sink.frame({ kind: 'events', events });
  }

  #finish(): void {
    const { head, status } = this.log;
    this.#send(this.#sent, head);
    this.#sent = head;
    this.sink.frame({ kind: 'caught_up', seq: head, head });
    this.sink.frame({ kind: 'end', seq: head, status });
  }

  #end(closed: Parameters<Sink['closed']>[0]): void {
    this.sink.closed(closed);
  }
}

/** Transports whose connections take their moves from one list, and are advanced by hand. */
export class Simulation {
  readonly open: Simulated[] = [];
  /** The transports of the connections so far, in their order. */
  readonly opened: TransportName[] = [];

  constructor(
    private readonly log: History,
    private readonly scripts: Move[][],
    /** What every connection over a transport does, in place of the scripts. */
    private readonly faults: Partial<Record<TransportName, readonly Move[]>> = {},
  ) {}

  /** One rung. */
  transport(name: TransportName): Transport {
    return { name, open: (cursor, sink) => this.#open(name, cursor, sink) };
  }

  #open(name: TransportName, cursor: string, sink: Sink): Cancel {
    const script = [...(this.faults[name] ?? this.scripts.shift() ?? [])];
    const connection = new Simulated(this.log, cursor, script, sink);
    this.open.push(connection);
    this.opened.push(name);
    return () => {
      const at = this.open.indexOf(connection);
      if (at >= 0) this.open.splice(at, 1);
    };
  }
}
