import type { Addresses } from '../addresses.js';
import { parseObject } from '../json.js';
import type { Platform } from '../platform.js';
import { withTexts } from '../raw.js';
import type { JobEvent, JobStatus } from '../types.js';
import { BadFrame, readEvents } from '../wire.js';
import { type HttpOptions, HttpTransport } from './http.js';
import type { Sink, TransportName } from './transport.js';

/** How long the server may hold an empty answer, in seconds. */
const LONGEST_WAIT = 25;
/** Events per answer: few in the first, then up to twice as many as in the previous one. */
const FIRST_LIMIT = 32;
const MOST_LIMIT = 1000;
/** A faster answer is followed by a larger one, a slower answer by a smaller one, in ms. */
const QUICK_MS = 3000;
const SLOW_MS = 6000;
/** The beginning of the next event in a page of the server. */
const NEXT_EVENT = ',{"seq":';
/** Statuses of proxies that do not wait as long. */
const PROXY_TIMEOUTS: ReadonlySet<number> = new Set([408, 502, 504]);
/** The interval of requests if no answer can be held, in ms. */
const PAUSE_MS = 2000;
/** The heartbeat in `hello`, for a transport with an answer every 25 s or sooner. */
const HEARTBEAT_S = 15;

/** How often pages are requested. */
export interface Pace {
  /** How long the server may hold an empty answer, in seconds; 0 for not at all. */
  readonly longestWait: number;
  /** The interval of requests if no answer can be held, in ms. */
  pause(): number;
}

const HOLDING: Pace = { longestWait: LONGEST_WAIT, pause: () => PAUSE_MS };

interface Page {
  readonly events: readonly JobEvent[];
  readonly next: string;
  readonly head: number;
  readonly status: JobStatus;
  readonly end: boolean;
}

/** Requests pages of events, which the server holds until there is one: passes every HTTP proxy. */
export class LongPollTransport extends HttpTransport {
  readonly finite = true;

  constructor(
    name: TransportName,
    addresses: Addresses,
    platform: Platform,
    options: HttpOptions & { readonly raw: boolean },
    private readonly pace: Pace = HOLDING,
  ) {
    super(name, addresses, platform, options);
  }

  protected async run(cursor: string, sink: Sink, signal: AbortSignal): Promise<void> {
    const reader = new PageReader(cursor, sink, this.pace.longestWait);
    while (!reader.isOver) {
      const url = await this.addresses.events(reader.cursor, reader.limit, reader.wait);
      const answer = await this.fetchAnswer(url, ['application/json'], signal);
      if (signal.aborted) return;
      if ('response' in answer) {
        const began = this.platform.clock.now();
        const cut = (text: string) => reader.handlePartialPage(text, this.options.raw);
        const text = await readText(answer.response, sink, signal, cut);
        if (signal.aborted) return;
        reader.handlePage(parsePage(text, this.options.raw), this.platform.clock.now() - began);
      } else if (!reader.shortenWait(answer.status)) {
        sink.closed(answer.closed);
        return;
      }
      // Node's `fetch` releases a connection one macrotask after the end of an answer; an earlier request
      // would open another connection, and each starts slowly.
      const pause = reader.mustPause ? this.pace.pause() : 0;
      await new Promise<void>((resolve) => this.platform.clock.after(pause, resolve));
      if (signal.aborted) return;
    }
  }
}

/** Turns pages into the frames that a stream would send. */
class PageReader {
  /** Seconds that the next answer may be held. The first is not held, to show that the transport works. */
  wait = 0;
  /** The limit of events for the next answer, which should take 3 to 6 seconds. */
  limit = FIRST_LIMIT;
  isOver = false;
  #longest: number;
  #greeted = false;
  #caughtUp = false;

  constructor(
    public cursor: string,
    private readonly sink: Sink,
    longestWait: number,
  ) {
    this.#longest = longestWait;
  }

  /** Whether to pause before the next request, because no answer is held. */
  get mustPause(): boolean {
    return this.#longest < 1 && this.#caughtUp && !this.isOver;
  }

  /** Halve the wait; return false if the wait was not the cause. */
  shortenWait(status: number): boolean {
    if (this.wait === 0 || !PROXY_TIMEOUTS.has(status)) return false;
    this.#longest = Math.floor(this.wait / 2);
    this.wait = this.#longest;
    return true;
  }

  /** Handle a page that took `ms` to arrive. */
  handlePage(page: Page, ms: number): void {
    const { head } = page;
    const seq = Number.parseInt(page.next, 10);
    this.#sendHello(head);
    this.cursor = page.next;
    if (page.events.length > 0) this.sink.frame({ kind: 'events', events: page.events });
    else this.sink.frame({ kind: 'heartbeat', head });
    if (!this.#caughtUp && seq >= head) {
      this.#caughtUp = true;
      this.sink.frame({ kind: 'caught_up', seq, head });
    }
    if (page.end) {
      this.isOver = true;
      this.sink.frame({ kind: 'end', seq, status: page.status });
    }
    this.wait = this.#caughtUp ? this.#longest : 0;
    this.#adjustLimit(page.events.length, ms);
  }

  /** Pass on the complete events of a page that was cut off. */
  handlePartialPage(text: string, raw: boolean): void {
    const whole = `${text.slice(0, Math.max(0, text.lastIndexOf(NEXT_EVENT)))}]}`;
    const page = parseObject(whole);
    const events = page === null ? [] : readEvents(page, whole, raw ? withTexts : undefined);
    const last = events.at(-1);
    if (last === undefined) return;
    this.#sendHello(last.seq);
    this.sink.frame({ kind: 'events', events });
  }

  #sendHello(head: number): void {
    if (this.#greeted) return;
    this.#greeted = true;
    const hello = { protocol: 1, job: '', after: this.cursor, head, heartbeat_s: HEARTBEAT_S };
    this.sink.frame({ kind: 'hello', ...hello });
  }

  #adjustLimit(events: number, ms: number): void {
    if (ms > SLOW_MS) {
      this.limit = Math.max(1, Math.floor(Math.min(this.limit, events) / 2));
    } else if (ms < QUICK_MS && events >= this.limit) {
      this.limit = Math.min(this.limit * 2, MOST_LIMIT);
    }
  }
}

/** Read an answer and report its bytes as they arrive; `cut` gets the text before a cut. */
async function readText(
  response: Response,
  sink: Sink,
  signal: AbortSignal,
  cut: (text: string) => void,
): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done || signal.aborted) return text + decoder.decode();
      sink.alive(chunk.value.length);
      text += decoder.decode(chunk.value, { stream: true });
    }
  } catch (error) {
    if (!signal.aborted) cut(text);
    throw error;
  }
}

function parsePage(text: string, raw: boolean): Page {
  const page = parseObject(text);
  if (!page || typeof page.next !== 'string') throw new BadFrame('Not a page of events.');
  return {
    ...(page as unknown as Page),
    events: readEvents(page, text, raw ? withTexts : undefined),
  };
}
