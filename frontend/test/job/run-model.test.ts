import { describe, expect, it } from 'vitest';
import {
  type EventData,
  type EventType,
  type JobEvent,
  lineName,
  type Plan,
} from '../../src/client';
import { missedEventsWords } from '../../src/job/last-seen';
import { formatLineRange, LogSearch, linesAsText, parseLineRange } from '../../src/job/log-lines';
import { RunModel, secondsLeft } from '../../src/job/run-model';
import { formatAddress, parseAddress } from '../../src/job/tabs';
import { shortLabels } from '../../src/job/target-rows';
import { axisEnd, axisTicks } from '../../src/job/time-axis';
import { styled } from '../terminal/shown';

const START = Date.parse('2026-11-22T09:00:00Z');
const plan: Plan = {
  steps: ['drain', 'switch'],
  groups: [
    { name: 'canary', targets: ['a'] },
    { name: 'batch 1', targets: ['b', 'c'] },
  ],
  words: '',
};

/** A run that is told what happens, at which second. */
class Story {
  readonly run = new RunModel(plan);
  private seq = 0;

  tell<T extends EventType>(
    second: number,
    type: T,
    data: Partial<EventData[T]>,
    place = '',
  ): this {
    const [target, step] = place.split('/');
    this.seq += 1;
    const event = {
      seq: this.seq,
      type,
      version: 1,
      at: new Date(START + second * 1000).toISOString(),
      actor: 'worker:w',
      attempt: 1,
      ...(target ? { target } : {}),
      ...(step ? { step } : {}),
      data,
      hash: '0'.repeat(64),
    } as unknown as JobEvent;
    this.run.queue([event]);
    this.run.applyQueued();
    return this;
  }

  begun(): this {
    const submitted = { kind: 'k', title: 'T', params: {}, labels: {}, plan, total: 3 };
    return this.tell(0, 'job.submitted', submitted).tell(0, 'attempt.started', { worker: 'w' });
  }

  step(
    from: number,
    until: number,
    place: string,
    type: 'succeeded' | 'failed' = 'succeeded',
  ): this {
    const data = { try: 1, occurrence: 1, seconds: until - from };
    const error = { type: 'Error', message: 'no answer' };
    this.tell(from, 'step.started', { try: 1, occurrence: 1 }, place);
    if (type === 'failed') return this.tell(until, 'step.failed', { ...data, error }, place);
    return this.tell(until, 'step.succeeded', data, place);
  }

  row(target: string) {
    const found = this.run.rows.all.find((row) => row.target === target);
    if (!found) throw new Error(`no row ${target}`);
    return found;
  }
}

describe('rows', () => {
  it('of the targets are well whatever the job itself waits for', () => {
    const story = new Story().begun().step(1, 2, 'a/drain').step(2, 3, 'a/switch');
    story.tell(3, 'step.started', { try: 1, occurrence: 1 }, '/canary');
    expect([story.row('a').status, story.row('').status]).toEqual(['succeeded', 'running']);
    story.tell(9, 'step.succeeded', { try: 1, occurrence: 1, seconds: 6 }, '/canary');
    expect([story.row('').status, story.row('b').status]).toEqual(['succeeded', 'pending']);
  });

  it('stand there before the first event, as the plan has them', () => {
    const { rows } = new Story().run;
    expect(rows.groups.map((group) => group.rows.map((row) => row.target))).toEqual([
      ['a'],
      ['b', 'c'],
    ]);
    expect(rows.all.every((row) => row.status === 'pending')).toBe(true);
  });

  it('run between two steps too, and are done after the last', () => {
    const story = new Story().begun().step(0, 2, 'a/drain');
    expect(story.row('a').status).toBe('running');
    story.step(2, 3, 'a/switch');
    expect(story.row('a')).toMatchObject({ status: 'succeeded', done: 2 });
    expect(story.row('b').status).toBe('pending');
  });

  it('stay failed when they are rolled back, which is no column', () => {
    const story = new Story().begun().step(0, 2, 'b/drain', 'failed').step(2, 3, 'b/rollback');
    expect(story.row('b')).toMatchObject({ status: 'failed', rollback: { status: 'succeeded' } });
    expect(story.run.rows.columns).toEqual(['drain', 'switch']);
  });

  it('are done without the steps of the run itself, which have a row of their own', () => {
    const story = new Story().begun().step(0, 2, 'a/drain').step(2, 3, 'a/switch');
    story.tell(4, 'step.started', { try: 1, occurrence: 1 }, '/after canary');
    expect(story.row('a')).toMatchObject({ status: 'succeeded', done: 2, of: 2 });
    expect(story.row('')).toMatchObject({ status: 'running', label: 'run' });
    story.tell(9, 'step.succeeded', { try: 1, occurrence: 1, seconds: 5 }, '/after canary');
    expect(story.row('')).toMatchObject({ status: 'succeeded' });
  });

  it('show what undid their steps as a rollback', () => {
    const story = new Story().begun().step(0, 2, 'b/drain').step(2, 3, 'b/switch', 'failed');
    story.step(3, 4, 'b/undo switch').step(4, 5, 'b/undo drain');
    expect(story.row('b')).toMatchObject({ status: 'failed', rollback: { step: 'undo drain' } });
    expect(story.run.rows.columns).toEqual(['drain', 'switch']);
  });

  it('that the run never came to are left out once it is over', () => {
    const story = new Story().begun().step(0, 2, 'b/drain', 'failed');
    story.tell(3, 'job.failed', { message: 'b failed.' });
    expect(story.row('c').status).toBe('skipped');
  });

  it('without news stay the same objects, so that they need not be drawn again', () => {
    const story = new Story().begun().step(0, 2, 'a/drain');
    const [a, b] = [story.row('a'), story.row('b')];
    story.step(2, 3, 'b/drain');
    expect(story.row('a')).toBe(a);
    expect(story.row('b')).not.toBe(b);
  });
});

describe('the time that is left', () => {
  it('is unknown until a target is through', () => {
    const story = new Story().begun().step(0, 4, 'a/drain');
    expect(secondsLeft(story.run.rows.groups, START + 5000)).toBeNull();
  });

  it('is what a group’s slowest target still needs, and a median for each group to come', () => {
    const story = new Story().begun().step(0, 4, 'a/drain').step(4, 10, 'a/switch');
    expect(secondsLeft(story.run.rows.groups, START + 10_000)).toBe(10);
    story.step(10, 13, 'b/drain').tell(13, 'step.started', { try: 1, occurrence: 1 }, 'c/drain');
    expect(secondsLeft(story.run.rows.groups, START + 15_000)).toBe(8);
  });

  it('is not claimed while a target takes far longer than the others did', () => {
    const story = new Story().begun().step(0, 4, 'a/drain').step(4, 10, 'a/switch');
    story.step(10, 13, 'b/drain');
    expect(secondsLeft(story.run.rows.groups, START + 29_000)).not.toBeNull();
    expect(secondsLeft(story.run.rows.groups, START + 31_000)).toBeNull();
  });
});

describe('lines of the log', () => {
  it('have names, and colours that last until they change', () => {
    const story = new Story().begun();
    story.tell(1, 'step.output', { text: '\x1b[31mred\nstill red\x1b[0m\n' }, 'a/drain');
    story.tell(2, 'step.output', { text: '10 %\r100 %\n', stream: 'err' }, 'a/drain');
    const lines = story.run.lines.ofStep('a', 'drain');
    expect(lines.map((line) => [lineName(line), line.kind, ...styled(line.content)])).toEqual([
      ['3', 'out', 'red|ansi-red'],
      ['3.2', 'out', 'still red|ansi-red'],
      ['4', 'err', '100 %'],
    ]);
  });

  it('are copied and downloaded whole, with times and names where they are wanted', () => {
    const story = new Story().begun();
    story.tell(1, 'step.output', { text: `one\n${'x'.repeat(20_000)}` }, 'a/drain');
    const { all } = story.run.lines;
    const long = 'x'.repeat(20_000);
    expect(linesAsText(all, false, true)).toBe(`one\n${long}\n`);
    expect(linesAsText(all, true, true)).toBe(
      `2026-11-22T09:00:01.000Z #3 a › drain │ one\n2026-11-22T09:00:01.000Z #3.2 a › drain │ ${long}\n`,
    );
    expect(linesAsText(all.slice(1), true, false).slice(0, 33)).toBe(
      '2026-11-22T09:00:01.000Z #3.2 │ x',
    );
  });

  it('are found by their names', () => {
    const story = new Story().begun();
    for (const text of ['one\ntwo\n', 'three\nfo', 'ur\nfive\n']) {
      story.tell(1, 'step.output', { text }, 'a/drain');
    }
    const { all } = story.run.lines;
    expect(all.map(lineName)).toEqual(['3', '3.2', '4', '4.2', '5']);
    expect(parseLineRange('3.2', all)).toEqual([1, 1]);
    expect(parseLineRange('5-3.2', all)).toEqual([1, 4]);
    for (const name of ['', '2', '3.3', '6', 'x', '3-6'])
      expect(parseLineRange(name, all)).toBeNull();
    expect([formatLineRange(all, 1, 1), formatLineRange(all, 4, 2)]).toEqual(['3.2', '4-5']);
  });

  it('are searched as they come, and again while they change', () => {
    const story = new Story().begun();
    const { lines } = story.run;
    const tell = (text: string, place = 'a/drain') => story.tell(1, 'step.output', { text }, place);
    tell('10 %');
    tell('other 10\n', 'b/drain');
    const search = new LogSearch(lines.all, '10');
    expect([search.update(), search.hits]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(search.update()).toEqual([]);
    tell('\r20 %');
    expect([search.update(), search.hits]).toEqual([[0], [1]]);
    tell('\r20 10 %\n1');
    tell('0', 'b/drain');
    expect([search.update(), search.hits]).toEqual([[0], [0, 1]]);
    tell('0\n');
    expect([search.update(), search.hits]).toEqual([[2], [0, 1, 2]]);
    expect([0, 1, 2, 3].map((index) => search.isHit(index))).toEqual([true, true, true, false]);
  });

  it('have the failure of a step as their last', () => {
    const story = new Story().begun().step(0, 8, 'b/drain', 'failed');
    const last = story.run.lines.ofStep('b', 'drain').at(-1);
    expect([last?.kind, last?.content.text]).toEqual([
      'bad',
      'drain failed after 8.0\u00a0s: no answer',
    ]);
  });
});

describe('short names', () => {
  it('are left alone while they fit', () => {
    expect(shortLabels(['gs-001', 'gs-002']).get('gs-002')).toBe('gs-002');
  });

  it('lose what all share, at the end first, where they would be cut', () => {
    const long = [1, 2].map((n) => `frankfurt-matchmaking-shard-000${n}.internal.example.net`);
    expect(shortLabels(long).get(long[1] ?? '')).toBe('…matchmaking-shard-0002…');
    const shorter = ['gs-001.internal.game.example.net', 'gs-002.internal.game.example.net'];
    expect(shortLabels(shorter).get(shorter[0] ?? '')).toBe('gs-001.internal.game…');
  });
});

describe('the axis of the timeline', () => {
  it('has round marks, and an end that holds for a while', () => {
    expect(axisTicks(32)).toEqual([0, 5, 10, 15, 20, 25, 30]);
    expect(axisEnd(41)).toBe(axisEnd(44));
    expect(axisEnd(44)).toBeGreaterThan(44);
  });
});

describe('addresses of the job page', () => {
  it('lead back to what was open, whatever its name', () => {
    const opened = { target: 'rack 1/gs-003', step: 'health' };
    expect(parseAddress(formatAddress('matrix', opened))).toEqual({
      tab: 'matrix',
      opened,
      marked: '',
    });
    expect(parseAddress('#log')).toEqual({ tab: 'log', opened: null, marked: '' });
    expect(parseAddress(formatAddress('log', null, '812.3-815'))).toEqual({
      tab: 'log',
      opened: null,
      marked: '812.3-815',
    });
    expect(parseAddress('#nonsense/%E0%A4%A')).toEqual({ tab: 'matrix', opened: null, marked: '' });
  });
});

describe('what came since the page was left', () => {
  it('is said where there is something', () => {
    const seen = { seq: 472, at: START };
    expect(missedEventsWords(seen, 812)).toMatch(
      /^resumed from #472, seen at \d\d:\d\d:\d\d: 340\sevents caught up$/,
    );
    expect(missedEventsWords(seen, 472)).toBe('');
    expect(missedEventsWords(null, 812)).toBe('');
  });
});
