import { describe, expect, it } from 'vitest';
import {
  type EventData,
  type EventType,
  type JobEvent,
  NOTHING,
  type Plan,
} from '../../src/client';
import { missedEventsWords } from '../../src/job/last-seen';
import { RunModel, secondsLeft } from '../../src/job/run-model';
import { formatAddress, parseAddress } from '../../src/job/tabs';
import { shortLabels } from '../../src/job/target-rows';
import { axisEnd, axisTicks } from '../../src/job/time-axis';

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
  readonly run = new RunModel('job', 0, plan);
  private seq = 0;

  /** @param isFolded whether the server's fold, before the first event, is there */
  constructor(isFolded = true) {
    if (isFolded) this.run.setState({ ...NOTHING });
  }

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

describe('the state', () => {
  const output = { text: 'one\n' };

  it('is the server’s fold and the events after it, whichever comes first', () => {
    const story = new Story().begun().step(0, 2, 'a/drain');
    const { view } = story.run;
    const late = new Story(false)
      .begun()
      .step(0, 2, 'a/drain')
      .tell(2, 'step.output', output, 'b/drain');
    late.tell(3, 'job.paused', {});
    expect([late.run.isFolded, late.run.view.status]).toEqual([false, '']);
    late.run.setState(view);
    expect(late.run.view).toMatchObject({ status: 'paused', head: 6, attempt: 1 });
    expect(late.run.rows.all.find((row) => row.target === 'a')?.done).toBe(1);
    expect(late.run.history.head).toBe(6);
  });

  it('has what only the newest events say: progress of a step, and which targets failed', () => {
    const start = { try: 1, occurrence: 1 };
    const told = (story: Story) =>
      story
        .begun()
        .tell(1, 'step.started', start, 'a/drain')
        .tell(2, 'step.progressed', { done: 3, total: 4 }, 'a/drain')
        .tell(3, 'step.progressed', { done: 1, total: 9 }, 'b/drain')
        .tell(4, 'job.failed', { message: 'No.', failed_targets: ['c'] });
    const { run } = told(new Story());
    const steps = [...run.view.steps].map(
      ([key, { progress: _, ...step }]) => [key, step] as const,
    );
    const state = { ...run.view, steps: new Map(steps), submitted: null, failed_targets: [] };
    for (const tailFirst of [true, false]) {
      const late = new Story(false).run;
      if (tailFirst) late.setTail(run.history.newest());
      late.setState(state);
      if (!tailFirst) late.setTail(run.history.newest());
      expect(late.view).toEqual({ ...run.view, submitted: null });
      expect(late.isRead).toBe(true);
    }
  });

  it('tells once of events of the job that are read twice', () => {
    const { run } = new Story().begun();
    const [first] = run.jobEvents;
    expect(run.addJobEvents(first ? [first] : [])).toBe(false);
    expect(run.jobEvents.map(({ seq }) => seq)).toEqual([1, 2]);
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
