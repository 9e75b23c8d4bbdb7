import { expect, it } from 'vitest';
import { Output, segments } from '../../src/client';
import { History } from './fake/history';

const said = (step: string, target: string, text: string, stream = 'out') => ({
  type: 'step.output',
  step,
  target,
  data: { text, stream },
});

it('keeps output by step and target, with its place and the colours that go on', () => {
  const log = new History([
    { type: 'job.submitted' },
    said('fetch', 'gs-001', '\u001b[31mred'),
    said('fetch', 'gs-002', 'plain'),
    said('fetch', 'gs-001', 'still red\u001b[0m', 'err'),
    { type: 'step.output', data: { text: 'of the job' } },
  ]);
  const output = new Output();
  output.take(log.events.slice(0, 3));
  output.take(log.events);
  expect(output.all.map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
  const [first, second] = output.of('fetch', 'gs-001');
  expect([first?.seq, second?.seq, second?.stream]).toEqual([2, 4, 'err']);
  expect(second && segments(second)).toEqual([{ text: 'still red', classes: 'ansi-red' }]);
  expect(output.of('fetch', 'gs-002').map(segments)).toEqual([[{ text: 'plain', classes: '' }]]);
  expect(output.of(null).map(({ text }) => text)).toEqual(['of the job']);
  expect(output.of('other', 'gs-001')).toEqual([]);
});
