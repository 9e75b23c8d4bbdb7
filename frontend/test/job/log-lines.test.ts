import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineName } from '../../src/client';
import {
  formatLineRange,
  isInRange,
  type LogLine,
  linesAsText,
  linesOfPage,
  parseLineRange,
} from '../../src/job/log-lines';
import { type Draft, History } from '../client/fake/history';
import { logLines, styled } from '../terminal/shown';

/** What a reader sees of a line. */
function shown(line: LogLine): unknown {
  const { target, step, kind, at, content } = line;
  return [lineName(line), at, target, step, kind, ...styled(content)];
}

const said = (text: string, target = 'a', stream = 'out'): Draft => ({
  type: 'step.output',
  step: 'drain',
  target,
  data: { text, stream },
});

describe('lines of the log', () => {
  it('have names, and colours that last until they change', () => {
    const log = new History([
      { type: 'job.submitted' },
      said('\x1b[31mred\nstill red\x1b[0m\n'),
      said('10 %\r100 %\n', 'a', 'err'),
    ]);
    const lines = logLines(log.events);
    expect(lines.map((line) => [lineName(line), line.kind, ...styled(line.content)])).toEqual([
      ['2', 'out', 'red|ansi-red'],
      ['2.2', 'out', 'still red|ansi-red'],
      ['3', 'err', '100 %'],
    ]);
  });

  it('are copied and downloaded whole, with times and names where they are wanted', () => {
    const long = 'x'.repeat(20_000);
    const lines = logLines(new History([said(`one\n${long}`)]).events);
    const at = lines[0]?.at;
    expect(linesAsText(lines, false, true)).toBe(`one\n${long}\n`);
    expect(linesAsText(lines, true, true)).toBe(
      `${at} #1 a › drain │ one\n${at} #1.2 a › drain │ ${long}\n`,
    );
    expect(linesAsText(lines.slice(1), true, false)).toBe(`${at} #1.2 │ ${long}\n`);
  });

  it('are named by a range of places', () => {
    const [three, five] = [
      { seq: 3, part: 2 },
      { seq: 5, part: 1 },
    ];
    expect(parseLineRange('3.2')).toEqual([three, three]);
    expect(parseLineRange('5-3.2')).toEqual([three, five]);
    for (const name of ['', 'x', '3-', '3.-4', '1e3', '9'.repeat(17)]) {
      expect(parseLineRange(name)).toBeNull();
    }
    expect([formatLineRange(three, three), formatLineRange(five, three)]).toEqual(['3.2', '3.2-5']);
    const places = ['3', '3.2', '4.7', '5', '5.2'].flatMap(
      (name) => parseLineRange(name)?.[0] ?? [],
    );
    expect(places.filter((place) => isInRange(place, [three, five])).map(lineName)).toEqual([
      '3.2',
      '4.7',
      '5',
    ]);
  });

  it('have the failure of a step as their last', () => {
    const error = { type: 'Error', message: 'no answer' };
    const data = { try: 1, occurrence: 1, seconds: 8, error };
    const lines = logLines(
      new History([{ type: 'step.failed', step: 'drain', target: 'b', data }]).events,
    );
    expect(lines.map(({ kind, content }) => [kind, content.text])).toEqual([
      ['bad', 'drain failed after 8.0\u00a0s: no answer'],
    ]);
  });
});

describe('a page of the log', () => {
  const SIZE = 4;
  const piece = fc.constantFrom(
    'a',
    'bc',
    '\n',
    'x\ny\n',
    '10 %\r',
    '\x1b[31m',
    '\x1b[0m',
    '\x1b[1',
    ';32m',
    '\x1b[K',
    '\x1b[2A',
    '\x1b]0;title',
    '\x07',
    '\x1b7',
    '\x1b8',
    '\t',
    '\b',
    '🚀',
    'e\u0301',
  ); // prettier-ignore
  const text = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
  const output = fc
    .tuple(text, fc.constantFrom('a', 'b', 'c'), fc.constantFrom('out', 'err'))
    .map(([said_, target, stream]) => said(said_, target, stream));
  const other = fc.constantFrom<Draft>(
    { type: 'step.started', step: 'drain', target: 'a', data: { try: 2, occurrence: 1 } },
    { type: 'step.succeeded', step: 'drain', target: 'b', data: { try: 1, seconds: 1 } },
    { type: 'attempt.started', attempt: 2, data: { worker: 'w' } },
    { type: 'job.paused' },
    { type: 'job.progressed', data: { done: 1 } },
  );
  const drafts = fc.array(fc.oneof({ weight: 6, arbitrary: output }, other), {
    minLength: 1,
    maxLength: 60,
  });

  it.each([0, 1, 2, 3, 100])('has the lines of the whole log, read with a reach of %i', (pages) => {
    const reach = { size: SIZE, pages };
    fc.assert(
      fc.property(drafts, (log) => {
        const { events } = new History(log);
        const count = Math.ceil(events.length / SIZE);
        const whole = logLines(events, reach);
        const eventsOf = (page: number) => events.slice(page * SIZE, (page + 1) * SIZE);
        const byPages = Array.from({ length: count }, (_, page) =>
          linesOfPage(page, count, eventsOf, reach),
        );
        expect(byPages.flatMap((lines) => (lines ?? []).map(shown))).toEqual(whole.map(shown));
      }),
      { numRuns: 500 },
    );
  });

  it('has no colour that depends on more pages than it is read with', () => {
    const log = [
      '\x1b[1;32ma\n',
      'b\n',
      '\x1b[31mc\n',
      '\x1b[38;5;0md\n',
      'e\n',
      '\x1b[;34mf\n',
      'g\n',
    ];
    const { events } = new History(log.flatMap((text) => [said(text), said('-\n')]));
    const reach = { size: SIZE, pages: 1 };
    const eventsOf = (page: number) => events.slice(page * SIZE, (page + 1) * SIZE);
    const whole = logLines(events, reach).map((line) => styled(line.content));
    const byPages = [0, 1, 2, 3].flatMap((page) => linesOfPage(page, 4, eventsOf, reach) ?? []);
    expect(byPages.map((line) => styled(line.content))).toEqual(whole);
    expect(whole[8]).toEqual(['e']);
    expect(whole[12]).toEqual(['g|ansi-blue']);
  });

  it('is not said before the pages are here that it depends on', () => {
    const { events } = new History(Array.from({ length: 12 }, () => said('…')));
    const here = new Set([1, 2]);
    const eventsOf = (page: number) => {
      return here.has(page) ? events.slice(page * SIZE, (page + 1) * SIZE) : null;
    };
    const reach = { size: SIZE, pages: 1 };
    expect(linesOfPage(1, 3, eventsOf, reach)).toBeNull();
    here.add(0);
    expect(linesOfPage(1, 3, eventsOf, reach)?.map(lineName)).toEqual([]);
    here.delete(1);
    expect(linesOfPage(0, 3, eventsOf, reach)).toBeNull();
  });

  it('begins a row with what it has of a line that goes on for longer than a line may', () => {
    const { events } = new History(Array.from({ length: 12 }, (_, i) => said(`${i} `)));
    const eventsOf = (page: number) => events.slice(page * SIZE, (page + 1) * SIZE);
    const reach = { size: SIZE, pages: 1 };
    const pages = [0, 1, 2].map((page) => linesOfPage(page, 3, eventsOf, reach) ?? []);
    expect(pages.map((lines) => lines.map((line) => [lineName(line), line.content.text]))).toEqual([
      [['1', '0 1 2 3 4 5 6 7 ']],
      [],
      [['9', '8 9 10 11 ']],
    ]);
  });
});
