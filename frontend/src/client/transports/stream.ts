import { closedByServer, lost } from '../close-reasons.js';
import { parseObject } from '../json.js';
import { type SseMessage, SseParser } from '../sse.js';
import type { ErrorFrame, JobEvent } from '../types.js';
import { BadFrame } from '../wire.js';
import { HttpTransport } from './http.js';
import { namedFrame, parseEvent } from './messages.js';
import type { Sink } from './transport.js';
import { errorOf } from './websocket.js';

const EVENT_STREAM = 'text/event-stream';
/** The requested type, and what else is accepted: a temporary refusal is always an event stream. */
const TYPES = {
  SSE: [EVENT_STREAM],
  'octet stream': ['application/octet-stream', EVENT_STREAM],
} as const;

/**
 * Server-Sent Events of `/api/jobs/<id>/stream`, read by `fetch`, which sees statuses and can set headers,
 * unlike `EventSource`. As an octet stream, the same bytes pass filters that hold `text/event-stream`.
 */
export class StreamTransport extends HttpTransport {
  declare readonly name: keyof typeof TYPES;

  protected async run(cursor: string, sink: Sink, signal: AbortSignal): Promise<void> {
    const url = await this.addresses.stream(cursor);
    const answer = await this.fetchAnswer(url, TYPES[this.name], signal);
    if (signal.aborted) return;
    if ('closed' in answer) {
      sink.closed(answer.closed);
      return;
    }
    const reader = answer.response.body?.getReader();
    const messages = new StreamReader(sink, this.options.raw);
    for (;;) {
      const chunk = await reader?.read();
      if (signal.aborted) return;
      if (chunk === undefined || chunk.done) break;
      sink.alive(chunk.value.length);
      messages.push(chunk.value);
      if (messages.isOver) return;
    }
    sink.closed({ how: 'rotated' });
  }
}

/** Turns the messages of an answer into frames. */
class StreamReader {
  /** Whether `closed` was reported. */
  isOver = false;
  readonly #parser = new SseParser();
  #retry: number | null = null;
  #events: JobEvent[] = [];

  constructor(
    private readonly sink: Sink,
    private readonly raw: boolean,
  ) {}

  /** Parse the next bytes; the events that they complete are passed on as one frame. */
  push(bytes: Uint8Array): void {
    try {
      const messages = this.#parser.push(bytes);
      this.#reportRetry();
      for (const message of messages) {
        if (!this.isOver) this.#handleMessage(message);
      }
      this.#flush();
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#close(lost('bad_frame', error.message));
    }
  }

  #handleMessage({ event, data }: SseMessage): void {
    if (event === 'message') {
      this.#events.push(parseEvent(data, this.raw));
      return;
    }
    this.#flush();
    if (event === 'stream-error') {
      this.#handleError(data);
      return;
    }
    const frame = namedFrame(event, data);
    if (frame) this.sink.frame(frame);
  }

  #handleError(data: string): void {
    const words = parseObject(data) as Omit<ErrorFrame, 'kind'> | null;
    if (typeof words?.code !== 'string') throw new BadFrame('A stream-error without a code.');
    this.#close(closedByServer(errorOf(words)));
  }

  #close(closed: Parameters<Sink['closed']>[0]): void {
    this.isOver = true;
    this.sink.closed(closed);
  }

  #flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.sink.frame({ kind: 'events', events });
  }

  #reportRetry(): void {
    const { retry } = this.#parser;
    if (retry === null || retry === this.#retry) return;
    this.#retry = retry;
    this.sink.retry(retry);
  }
}
