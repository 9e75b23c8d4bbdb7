import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventTexts, withTexts } from '../../src/client/raw';
import { namedFrame, parseEvent } from '../../src/client/transports/messages';
import { BadFrame, parseFrame } from '../../src/client/wire';

const HASH = 'ab'.repeat(32);

/** A JSON object's text with whitespace that no `JSON.stringify` would give back. */
const text = fc.jsonValue().map((data) => JSON.stringify({ seq: 1, data, hash: HASH }, null, 1));

describe('textsIn', () => {
  it('gives each event as it stands', () => {
    fc.assert(
      fc.property(fc.array(text), fc.jsonValue(), (texts, more) => {
        const rest = JSON.stringify({ more, nested: { events: [{}] } }).slice(1);
        const frame = `{"kind":"events", "events" : [${texts.join(' ,\n')}],${rest}`;
        expect(JSON.parse(frame)).toBeTypeOf('object');
        expect(eventTexts(frame)).toEqual(texts);
      }),
    );
  });

  it('is not led astray by what strings contain', () => {
    const tricky = '{"seq":1,"data":"\\"events\\":[{}]}\\\\","hash":"x"}';
    expect(eventTexts(`{"a":"\\"events\\":[{","events":[${tricky},${tricky}]}`)).toEqual([
      tricky,
      tricky,
    ]);
  });
});

describe('parseFrame', () => {
  it('keeps the texts of events where asked to', () => {
    const event = `{"seq":1.0e0, "hash":"${HASH}"}`;
    const frame = parseFrame(`{"kind":"events","events":[${event}]}`, withTexts);
    expect(frame).toEqual({ kind: 'events', events: [{ seq: 1, hash: HASH, raw: event }] });
  });

  it.each([
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"kind":1}',
    '{"kind":"events"}',
    '{"kind":"events","events":{}}',
    '{"kind":"events","events":[null]}',
    '{"kind":"events","events":[{"seq":"1","hash":"a"}]}',
    '{"kind":"events","events":[{"seq":1}]}',
  ])('refuses %s', (bad) => {
    expect(() => parseFrame(bad)).toThrow(BadFrame);
  });

  it('passes over a kind that it does not know', () => {
    expect(parseFrame('{"kind":"weather"}')).toBeNull();
    expect(namedFrame('weather', '{}')).toBeNull();
    expect(namedFrame('events', '{}')).toBeNull();
  });
});

it('an event is checked', () => {
  expect(parseEvent(`{"seq":3,"hash":"${HASH}"}`, false)).toEqual({ seq: 3, hash: HASH });
  expect(() => parseEvent('{"seq":0.5,"hash":""}', false)).toThrow(BadFrame);
  expect(() => namedFrame('hello', 'x')).toThrow(BadFrame);
});
