import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonText, parseJson } from '../../src/client';
import { parseEvent } from '../../src/client/transports/messages';
import { parseFrame } from '../../src/client/wire';

const LONG = 9007199254740993n;
const HASH = 'a'.repeat(64);
const event = (data: string) => `{"seq":1,"type":"step.succeeded","data":${data},"hash":"${HASH}"}`;

describe('JSON', () => {
  it('keeps every integer of 64 bits, and every double', () => {
    const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    const text = fc.string({ unit: 'binary' });
    const leaf = fc.oneof(long, double, text, fc.boolean(), fc.constant(null));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(text, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (one, space) => {
        const written = jsonText(one, space);
        const read = parseJson(written);
        expect(jsonText(read, space)).toBe(written);
        expect(JSON.stringify(JSON.parse(written))).toBe(JSON.stringify(read, numbers));
      }),
    );
  });

  it('gives integers as bigints only where a number would not hold them', () => {
    const cases: [string, unknown][] = [
      ['9007199254740991', 2 ** 53 - 1],
      ['9007199254740992', 2n ** 53n],
      ['-9007199254740993', -LONG],
      ['[1, 9007199254740993]', [1, LONG]],
      ['{"a": 9223372036854775807}', { a: 2n ** 63n - 1n }],
      ['1234567890123456.5', 1234567890123456.5],
      ['12345678901234567e3', 12345678901234567e3],
      ['{"__proto__": 9007199254740993}', JSON.parse('{"__proto__": 0}', () => LONG)],
    ];
    for (const [text, value] of cases) {
      if (text.includes('__proto__')) {
        expect(Object.entries(parseJson(text) as object)).toEqual([['__proto__', LONG]]);
      } else expect(parseJson(text)).toEqual(value);
    }
    expect(jsonText([LONG, -0, 0.1, '9007199254740993'])).toBe(
      '[9007199254740993,-0.0,0.1,"9007199254740993"]',
    );
  });

  it('is none where JSON.parse says so, also beside a long integer', () => {
    for (const text of [
      '',
      '[9007199254740993',
      '[9007199254740993,]',
      '{"a":9007199254740993 1}',
    ]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });
});

describe('events', () => {
  it('have the integers that were recorded, on every transport', () => {
    const text = event('{"try":1,"result":{"id":9007199254740993,"n":7}}');
    const frame = parseFrame(`{"kind":"events","events":[${text}]}`);
    const alone = parseEvent(text, false);
    for (const one of [alone, frame?.kind === 'events' ? frame.events[0] : null]) {
      expect(one?.data).toEqual({ try: 1, result: { id: LONG, n: 7 } });
      expect(jsonText(one)).toBe(text);
    }
  });
});

/** Bigints as the numbers that `JSON.parse` makes of them. */
function numbers(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
