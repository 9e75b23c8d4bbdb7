import {
  Feed,
  type FeedInfo,
  type FeedOptions,
  type JobSummary,
  type SocketLike,
} from '../../../src/client';
import { FakeClock, FakeSignals } from './platform';

/** A socket in the test's hand. */
export class Socket implements SocketLike {
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  isClosed = false;

  constructor(readonly url: string) {}

  /** Where it was asked to begin. */
  get after(): string | null {
    return new URL(this.url).searchParams.get('after');
  }

  close(): void {
    this.isClosed = true;
  }

  say(kind: string, members: Readonly<Record<string, unknown>> = {}): void {
    this.onmessage?.({ data: JSON.stringify({ kind, ...members }) });
  }

  hello(protocol = 1, heartbeat_s = 15): void {
    this.say('hello', { protocol, job: null, after: this.after, head: 0, heartbeat_s });
  }

  jobs(...jobs: readonly JobSummary[]): void {
    this.say('events', { events: jobs });
  }

  caughtUp(seq: number): void {
    this.say('caught_up', { seq, head: seq });
  }

  end(code = 1006): void {
    this.onclose?.({ code, reason: '' });
  }

  refuse(code: string, close: number, retryAfter: number | null = null): void {
    this.say('error', { code, message: `no: ${code}`, retry_after_s: retryAfter });
    this.end(close);
  }
}

export function job(position: number, name = 'a', head = position): JobSummary {
  const job = `0192f3c1-0000-7000-8000-${name.padStart(12, '0')}`;
  const said = { job_kind: 'load', title: 'A job', status: 'running', done: 0, total: 3 } as const;
  return { position, job, ...said, head };
}

/** A follower of the feed, started at 5, and all that it said. */
export function following(options: Partial<FeedOptions> = {}, WebSocket: unknown = undefined) {
  const sockets: Socket[] = [];
  const clock = new FakeClock();
  const signals = new FakeSignals();
  const states: string[] = [];
  const got: JobSummary[] = [];
  const beats: (string | undefined)[] = [];
  let stale = 0;
  const make = class extends Socket {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
  };
  const feed = new Feed({
    onJobs: (jobs) => got.push(...jobs),
    onState: ({ state }: FeedInfo) => {
      if (states.at(-1) !== state) states.push(state);
    },
    onHeartbeat: (at) => beats.push(at),
    onStale: () => {
      stale += 1;
    },
    backoff: () => 1000,
    ...options,
    platform: {
      WebSocket: WebSocket === null ? undefined : make,
      clock,
      signals,
      random: () => 0.5,
      base: 'https://ops.example.org/',
    },
  });
  feed.start(5);
  return {
    feed,
    sockets,
    clock,
    signals,
    states,
    got,
    beats,
    stale: () => stale,
    /** The newest connection. */
    socket: (): Socket => {
      const last = sockets.at(-1);
      if (!last) throw new Error('there is no connection');
      return last;
    },
  };
}
