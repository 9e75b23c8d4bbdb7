import { describe, expect, it } from 'vitest';
import { type callApi, Problem, Unreachable } from '../../src/elements/api';
import { checkHistory, describeCheck, type Verdict } from '../../src/job/history-check';

const JOB = '0192f3c1-0000-7000-8000-000000000000';
const good: Verdict = { ok: true, head: 4096, hash: 'ab'.repeat(32) };
const bad: Verdict = { ok: false, seq: 1204, reason: 'Event 1204 was changed.' };

/** An `ask` that answers so, and what it was asked. */
function answering(answer: unknown): { ask: typeof callApi; asked: string[] } {
  const asked: string[] = [];
  const ask = async (path: string) => {
    asked.push(path);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { ask: ask as typeof callApi, asked };
}

describe('a check of the history', () => {
  it("asks the job's own address and hands the verdict on", async () => {
    const { ask, asked } = answering(good);
    expect(await checkHistory(JOB, ask)).toEqual(good);
    expect(asked).toEqual([`/api/jobs/${JOB}/verify`]);
  });

  it.each([
    [new Unreachable('no answer'), /does not answer.*try again/],
    [new Problem(429, 'over_limit', 'Other histories are being checked.'), /being checked/],
  ])('that fails says why and can be tried again', async (error, words) => {
    const shown = describeCheck(await checkHistory(JOB, answering(error).ask));
    expect(shown.words).toMatch(words);
    expect([shown.tone, shown.action]).toEqual(['failed', 'try again']);
  });
});

describe('its words', () => {
  it('are a button alone before it is asked, and none while it is checked', () => {
    expect(describeCheck('unasked')).toMatchObject({ words: '', action: 'verify' });
    expect(describeCheck('checking')).toMatchObject({ words: 'checking every event', action: '' });
  });

  it('count the events that hold, with the last hash on hover', () => {
    expect(describeCheck(good).words).toBe('4,096\u00a0events verified');
    expect(describeCheck(good).detail).toContain(good.hash);
    expect(describeCheck(good)).toMatchObject({ tone: 'succeeded', action: 'again' });
    expect(describeCheck({ ...good, head: 1 }).words).toBe('1\u00a0event verified');
  });

  it('name the first bad event and the reason', () => {
    expect(describeCheck(bad).words).toBe(
      'the history was changed, from #1,204 on. Event 1204 was changed.',
    );
    expect(describeCheck(bad).tone).toBe('failed');
  });
});
