import { describe, expect, it } from 'vitest';
import type { FeedInfo, JobStatus, JobSummary } from '../../src/client';
import type { ListedJob } from '../../src/elements/api';
import { feedConnectionWords } from '../../src/elements/connection-line';
import { FeedUpdates } from '../../src/jobs/feed-updates';

function row(id: string, head = 5, status: JobStatus = 'running'): ListedJob {
  return { id, head, status, title: 'A job', done: 1, total: 9, failed: 0 } as ListedJob;
}

function summary(id: string, position: number, more: Partial<JobSummary> = {}): JobSummary {
  const said = { job_kind: 'load', title: 'A job', status: 'running', done: 1, total: 9 } as const;
  return { position, job: id, ...said, head: 5, ...more };
}

describe('what has moved since the list was read', () => {
  it('is put over its rows', () => {
    const moved = new FeedUpdates();
    moved.listRead(10, [row('a'), row('b')]);
    expect(moved.add([summary('a', 11, { head: 8, done: 4, failed: 1 })])).toBe(false);
    expect(moved.applyTo([row('a'), row('b')])).toEqual([
      { ...row('a'), head: 8, done: 4, failed: 1 },
      row('b'),
    ]);
  });

  it('is over an answer that was on its way before, and is not over one that has it', () => {
    const moved = new FeedUpdates();
    moved.listRead(10, [row('a', 5)]);
    moved.add([summary('a', 12, { head: 8, done: 4 })]);
    moved.listRead(11, [row('a', 6)]);
    expect(moved.applyTo([row('a', 6)])[0]).toMatchObject({ head: 8, done: 4 });
    moved.listRead(12, [row('a', 9)]);
    expect(moved.applyTo([row('a', 9)])).toEqual([row('a', 9)]);
  });

  it('that is older than the row changes nothing', () => {
    const moved = new FeedUpdates();
    moved.add([summary('a', 12, { head: 4, done: 0 })]);
    expect(moved.applyTo([row('a', 5)])).toEqual([row('a', 5)]);
  });

  it.each<[string, JobSummary]>([
    ['a job that nobody knew', summary('new', 11)],
    ['another status', summary('a', 11, { status: 'succeeded' })],
    ['a job that waits', summary('w', 11, { status: 'waiting' })],
  ])('calls for the list where it is %s', (_, said) => {
    const moved = new FeedUpdates();
    moved.listRead(10, [row('a'), row('w', 5, 'waiting')]);
    expect(moved.add([said])).toBe(true);
  });

  it('calls once for a job that the list leaves out', () => {
    const moved = new FeedUpdates();
    moved.listRead(10, []);
    expect(moved.add([summary('other', 11)])).toBe(true);
    moved.listRead(11, []);
    expect(moved.add([summary('other', 12)])).toBe(false);
  });
});

describe('the words of the connection', () => {
  const info = (more: Partial<FeedInfo>): FeedInfo => ({
    state: 'connecting',
    position: 5,
    nextTryAt: null,
    resumed: null,
    error: null,
    ...more,
  });

  it.each<[Partial<FeedInfo> | null, string, RegExp, string | undefined]>([
    [null, 'busy', /^connecting$/, undefined],
    [{}, 'busy', /^connecting$/, undefined],
    [{ nextTryAt: 1 }, 'lost', /no connection yet/, 'Try now'],
    [{ state: 'live' }, 'live', /^live over WebSocket$/, undefined],
    [{ state: 'blocked' }, 'live', /no WebSocket gets through.*every 2 s/, undefined],
    [{ state: 'reconnecting' }, 'lost', /^connection lost$/, 'Try now'],
    [{ state: 'offline' }, 'lost', /device is offline/, 'Try now'],
    [
      { state: 'failed', error: { code: 'forbidden', message: 'Your role.', at: 0 } },
      'lost',
      /^Your role\.$/,
      'Try again',
    ],
  ])('say what is going on', (more, tone, words, act) => {
    const said = feedConnectionWords(more && info(more), 2);
    expect(said.tone).toBe(tone);
    expect(said.words).toMatch(words);
    expect(said.action).toBe(act);
  });
});
