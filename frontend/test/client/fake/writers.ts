import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import type { Behaviour } from './behaviour';
import type { Writer } from './connection';

/** Frames as text messages. */
export class SocketWriter implements Writer {
  constructor(private readonly socket: WebSocket) {}

  control(kind: string, members: Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify({ kind, ...members }));
  }

  events(texts: readonly string[]): void {
    this.socket.send(`{"kind":"events","events":[${texts.join(',')}]}`);
  }

  error({ code, message = '', retry_after_s = 0, close }: NonNullable<Behaviour['error']>): void {
    if (code !== undefined) this.control('error', { code, message, retry_after_s });
    this.socket.close(close);
  }

  rotated(): void {
    this.socket.close(1000);
  }

  finished(): void {
    this.socket.close(1000);
  }
}

/** The same as `text/event-stream`. */
export class StreamWriter implements Writer {
  #held = '';

  constructor(
    private readonly response: ServerResponse,
    type: string,
    private readonly does: Behaviour,
  ) {
    if (!does.held) this.response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` });
    else this.response.setHeader('Content-Type', type);
    this.#write(`: ${' '.repeat(2048)}\n\n`);
    this.#write(`retry: ${does.retry ?? 500}\n\n`);
  }

  control(kind: string, members: Readonly<Record<string, unknown>>): void {
    this.#write(`event: ${kind}\ndata: ${JSON.stringify(members)}\n\n`);
  }

  events(texts: readonly string[], cursors: readonly string[]): void {
    for (const [at, text] of texts.entries()) this.#write(`id: ${cursors[at]}\ndata: ${text}\n\n`);
  }

  error({ code, message = '', retry_after_s, retry }: NonNullable<Behaviour['error']>): void {
    if (retry !== undefined) this.#write(`retry: ${retry}\n`);
    this.control('stream-error', { code, message, retry_after_s });
    this.#end();
  }

  rotated(): void {
    this.#end();
  }

  finished(): void {
    this.#end();
  }

  #write(text: string): void {
    if (this.does.held) this.#held += text;
    else this.response.write(text);
  }

  #end(): void {
    this.response.end(this.#held);
  }
}
