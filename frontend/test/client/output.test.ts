import { expect, it } from 'vitest';
import { lineName, Output } from '../../src/client';
import { styled } from '../terminal/shown';
import { History } from './fake/history';

const said = (step: string, target: string, text: string, stream = 'out') => ({
  type: 'step.output',
  step,
  target,
  data: { text, stream },
});

it('keeps lines by step and target, with their place and their colours', () => {
  const log = new History([
    { type: 'job.submitted' },
    said('fetch', 'gs-001', '\u001b[31mred'),
    said('fetch', 'gs-002', 'plain'),
    said('fetch', 'gs-001', ' and still red\u001b[0m\nnot', 'out'),
    said('fetch', 'gs-001', 'of the other stream', 'err'),
    { type: 'step.output', data: { text: 'of the job' } },
  ]);
  const output = new Output();
  output.take(log.events.slice(0, 3));
  output.take(log.events);
  expect(output.all.map(lineName)).toEqual(['2', '3', '4', '5', '6']);
  const [first, second, third] = output.of('fetch', 'gs-001');
  expect(first && styled(first.content)).toEqual(['red and still red|ansi-red']);
  expect([first?.content.ended, second?.content.ended]).toEqual([true, false]);
  expect([third?.seq, third?.stream, third?.content.text]).toEqual([
    5,
    'err',
    'of the other stream',
  ]);
  expect(output.of(null).map(({ content }) => content.text)).toEqual(['of the job']);
  expect(output.of('other', 'gs-001')).toEqual([]);
});

it('tells of a line that changed, and shows as much of it as is wanted', () => {
  const output = new Output();
  output.take(new History([said('fetch', 'gs-001', 'x'.repeat(9_999))]).events);
  const [line] = output.all;
  const before = line?.content.version;
  output.take(new History([said('a', 'b', ''), said('fetch', 'gs-001', '🎮y')]).events);
  expect(line?.content.version).not.toBe(before);
  expect(line?.content.text).toHaveLength(10_002);
  expect(line?.content.segments(10_000)).toEqual({
    segments: [{ text: 'x'.repeat(9_999), classes: '' }],
    more: 3,
  });
});
