/** A message of a `text/event-stream`. `id` is the last event id, or ''. */
export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

const LF = 10;
const CR = 13;
const DIGITS = /^\d+$/;

/**
 * Incremental parser of `text/event-stream` by the WHATWG HTML standard (9.2.6), for bytes split
 * anywhere. An unfinished message at the end is discarded.
 *
 * `eventsource-parser` (3.1) is not used: after a CR it waits for the next line end before it gives a
 * message, and it forgets an `id` that comes without data.
 */
export class SseParser {
  readonly #decoder = new TextDecoder('utf-8');
  #rest = '';
  #afterCr = false;
  #data: string[] = [];
  #event = '';
  #id = '';
  #retry: number | null = null;

  /** The reconnection time in ms that `retry:` last set, or null. */
  get retry(): number | null {
    return this.#retry;
  }

  /** Parse the next bytes; return the messages that they complete. */
  push(bytes: Uint8Array): SseMessage[] {
    const messages: SseMessage[] = [];
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let at = this.#rest.length; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code !== LF && code !== CR) {
        this.#afterCr = false;
        continue;
      }
      // A CR has ended the line already, perhaps in an earlier chunk, and this LF belongs to it.
      if (!(code === LF && this.#afterCr)) this.#line(text.slice(start, at), messages);
      this.#afterCr = code === CR;
      start = at + 1;
    }
    this.#rest = text.slice(start);
    return messages;
  }

  #line(line: string, messages: SseMessage[]): void {
    if (line === '') {
      this.#dispatch(messages);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#field(name, value);
  }

  #field(name: string, value: string): void {
    switch (name) {
      case 'data':
        this.#data.push(value);
        break;
      case 'event':
        this.#event = value;
        break;
      case 'id':
        if (!value.includes('\0')) this.#id = value;
        break;
      case 'retry':
        if (DIGITS.test(value)) this.#retry = Number(value);
        break;
    }
  }

  #dispatch(messages: SseMessage[]): void {
    if (this.#data.length > 0) {
      const event = this.#event === '' ? 'message' : this.#event;
      messages.push({ event, data: this.#data.join('\n'), id: this.#id });
    }
    this.#data = [];
    this.#event = '';
  }
}
