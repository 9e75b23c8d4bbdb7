import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SseMessage, SseParser } from '../../src/client';

/** Parse a text given as chunks of those lengths (in bytes), the rest as one. */
function parse(text: string, cuts: readonly number[] = []): SseMessage[] {
  const bytes = new TextEncoder().encode(text);
  const parser = new SseParser();
  const messages: SseMessage[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    messages.push(...parser.push(bytes.subarray(at, at + cut)));
    at += cut;
  }
  return messages;
}

const data = (text: string) => parse(text).map((message) => message.data);

describe('the examples of the WHATWG standard', () => {
  it('reads a multi-line message', () => {
    expect(data('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual(['YHOO\n+2\n10']);
  });

  it('reads comments, ids and an id taken back', () => {
    const text =
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n';
    expect(parse(text)).toEqual([
      { event: 'message', data: 'first event', id: '1' },
      { event: 'message', data: 'second event', id: '' },
      { event: 'message', data: ' third event', id: '' },
    ]);
  });

  it('reads empty data, and discards what is not finished', () => {
    expect(data('data\n\ndata\ndata\n\ndata:')).toEqual(['', '\n']);
  });

  it('takes one space after the colon or none', () => {
    expect(data('data:test\n\ndata: test\n\n')).toEqual(['test', 'test']);
  });
});

describe('fields', () => {
  it('drops a message without data, and its event name with it', () => {
    expect(parse('event: lost\n\ndata: x\n\n')).toEqual([{ event: 'message', data: 'x', id: '' }]);
  });

  it('keeps the id of a message without data', () => {
    expect(parse('id: 7\n\ndata: x\n\n')[0]?.id).toBe('7');
  });

  it('ignores an id with NUL, unknown fields and names in other cases', () => {
    expect(parse('id: 1\nid: 2\0\nother: 3\nDATA: no\ndata: x\n\n')).toEqual([
      { event: 'message', data: 'x', id: '1' },
    ]);
  });

  it('takes retry of ASCII digits only', () => {
    const parser = new SseParser();
    const retry = (text: string) => {
      parser.push(new TextEncoder().encode(`retry: ${text}\n`));
      return parser.retry;
    };
    expect(['x', '1500', '12a', '-1', '1.5', '', '٣', '20'].map(retry)).toEqual([
      null,
      1500,
      1500,
      1500,
      1500,
      1500,
      1500,
      20,
    ]);
  });

  it('drops one byte order mark, at the start only', () => {
    expect(data('\ufeffdata: a\n\ndata: \ufeffb\n\n')).toEqual(['a', '\ufeffb']);
    expect(data('\ufeff\ufeffdata: a\n\n')).toEqual([]);
  });
});

const ending = fc.constantFrom('\n', '\r', '\r\n');
const value = fc
  .string({ unit: 'binary', maxLength: 12 })
  .map((text) => text.replace(/[\r\n]/g, ''));
const line = fc.oneof(
  fc.constant(''),
  value,
  value.map((text) => `:${text}`),
  fc
    .tuple(fc.constantFrom('data', 'event', 'id', 'retry'), fc.constantFrom(':', ': '), value)
    .map(([name, colon, text]) => name + colon + text),
);
const stream = fc
  .array(fc.tuple(line, ending), { maxLength: 40 })
  .map((lines) => lines.flat().join(''));

describe('properties', () => {
  it('gives the same messages however the bytes are split', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(5), { maxLength: 60 }), (text, cuts) => {
        expect(parse(text, cuts)).toEqual(parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same messages byte by byte', () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = new TextEncoder().encode(text).length;
        expect(
          parse(
            text,
            Array.from({ length: bytes }, () => 1),
          ),
        ).toEqual(parse(text));
      }),
    );
  });

  it('gives back what a server wrote, whatever the line endings', () => {
    const message = fc.record({ data: value, event: value, id: value });
    fc.assert(
      fc.property(fc.array(message), ending, (messages, end) => {
        const clean = messages.map(({ data: text, event, id }) => ({
          data: text,
          event: event || 'message',
          id: id.replaceAll('\0', ''),
        }));
        const text = clean.map(({ data: content, event, id }) =>
          [`event: ${event}`, `id: ${id}`, `data: ${content}`, '', ''].join(end),
        );
        expect(parse(text.join(''))).toEqual(clean);
      }),
    );
  });
});
