import { describe, expect, it } from 'vitest';
import { lineName, Output, plainText } from '../../src/client';
import { linesAsText } from '../../src/job/log-lines';
import { NO_FILTER } from '../../src/job/log-query';
import { matchesFilter } from '../../src/job/log-rows';
import { eventWords } from '../../src/text/event-words';
import { cases, eventsOf, interleaved, looks, texts } from './corpus';
import { emulated } from './emulator';
import { columns, lines, logLines, styled } from './shown';

const output = (text: string) => ({
  type: 'step.output',
  step: 's',
  target: '',
  stream: 'out',
  text,
});
const ended = { type: 'step.succeeded', step: 's', target: '', stream: '', text: '' };

describe.each(cases)('$name', (each) => {
  const log = logLines(eventsOf([...each.chunks.map(output), ended]));
  const all = texts(each);

  it('in its lines and looks', () => {
    const found = lines(each.chunks);
    expect(found.map((line) => line.text)).toEqual(all);
    expect(found.map(styled)).toEqual(looks(each));
  });

  it('the same whatever the chunks', () => {
    const text = each.chunks.join('');
    for (const chunks of [[text], [...Array(text.length).keys()].map((at) => text.charAt(at))]) {
      expect(lines(chunks).map(styled)).toEqual(looks(each));
    }
  });

  it('in copies and downloads', () => {
    const whole = all.map((line) => `${line}\n`).join('');
    expect(linesAsText(log, false, false)).toBe(whole);
  });

  it('in messages and sentences', () => {
    const text = each.chunks.join('');
    const [said, failed] = eventsOf([output(text), { ...ended, type: 'job.failed', text }]);
    const shown = all.join('\n').trimEnd();
    expect(plainText(text).trimEnd()).toBe(shown);
    if (said) expect(eventWords(said).replace(/ \(\+ .*/, '')).toBe(shown.split('\n')[0]);
    if (failed && shown) expect(eventWords(failed).trimEnd()).toBe(`Failed: ${shown}`);
  });
});

describe('what xterm.js shows', () => {
  it.each(cases.filter((each) => !each.differs))('$name', async (each) => {
    const rows = await emulated(each.chunks);
    const found = lines(each.chunks).map(columns);
    const seen = (some: readonly { text: string }[]) => some.map((row) => row.text.trimEnd());
    expect(seen(rows.map((_, at) => found[at] ?? { text: '' }))).toEqual(seen(rows));
  });
});

describe.each(interleaved)('$name', (each) => {
  const events = eventsOf(each.events);

  it('in the log and its steps', () => {
    const log = logLines(events);
    const written = log.filter((line) => line.kind === 'out' || line.kind === 'err');
    const seen = written.map((line) => [
      lineName(line),
      `${line.target} ${line.step} ${line.kind}`,
      line.content.text,
    ]);
    expect(seen).toEqual(each.lines);
    const own = each.lines.filter(([, of]) => of.startsWith('a fetch '));
    const filter = { ...NO_FILTER, target: 'a', step: 'fetch' };
    const step = written.filter((line) => matchesFilter(line, filter, new Set()));
    expect(step.map((line) => line.content.text)).toEqual(own.map(([, , text]) => text));
  });

  it('for who follows by the library', () => {
    const output = new Output();
    output.take(events.slice(0, 2));
    output.take(events);
    expect(output.all.map((line) => [lineName(line), line.content.text])).toEqual(
      each.lines.map(([name, , text]) => [name, text]),
    );
  });
});
