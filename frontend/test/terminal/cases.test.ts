import { describe, expect, it } from 'vitest';
import { lineName, Output, plainText } from '../../src/client';
import { LogLines, LogSearch, linesAsText } from '../../src/job/log-lines';
import { eventWords } from '../../src/text/event-words';
import { cases, eventsOf, interleaved, looks, texts } from './corpus';
import { emulated } from './emulator';
import { columns, lines, styled } from './shown';

const output = (text: string) => ({
  type: 'step.output',
  step: 's',
  target: '',
  stream: 'out',
  text,
});
const ended = { type: 'step.succeeded', step: 's', target: '', stream: '', text: '' };

describe.each(cases)('$name', (each) => {
  const events = eventsOf([...each.chunks.map(output), ended]);
  const log = new LogLines();
  log.addEvents(events);
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
    expect(linesAsText(log.all, false, false)).toBe(whole);
  });

  it('in the search', () => {
    for (const [at, text] of all.entries()) {
      const search = new LogSearch(log.all, text);
      search.update();
      if (text) expect(search.hits).toContain(at);
    }
    const search = new LogSearch(log.all, '\u001b');
    search.update();
    expect(search.hits).toEqual([]);
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
    const log = new LogLines();
    log.addEvents(events);
    const written = log.all.filter((line) => line.kind === 'out' || line.kind === 'err');
    const seen = written.map((line) => [
      lineName(line),
      `${line.target} ${line.step} ${line.kind}`,
      line.content.text,
    ]);
    expect(seen).toEqual(each.lines);
    const own = each.lines.filter(([, of]) => of.startsWith('a fetch '));
    const step = log
      .ofStep('a', 'fetch')
      .filter((line) => line.kind === 'out' || line.kind === 'err');
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
