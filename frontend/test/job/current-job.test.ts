import { describe, expect, it } from 'vitest';
import { type JobView, NOTHING } from '../../src/client';
import type { Job } from '../../src/elements/api';
import { isOther } from '../../src/job/current-job';

const view = (
  status: JobView['status'],
  head: number,
  waits: JobView['waiting_for'] = [],
): JobView => ({
  ...NOTHING,
  status,
  head,
  waiting_for: waits,
});
const row = (status: string, head: number): Job => ({ status, head }) as Job;

describe('a job stands otherwise', () => {
  it('than in its row, where its state came later', () => {
    expect(isOther(view('waiting', 2), null, row('queued', 1))).toBe(true);
    expect(isOther(view('queued', 1), null, row('queued', 1))).toBe(false);
  });

  it('than it was drawn', () => {
    const drawn = view('waiting', 2);
    expect(isOther({ ...drawn, head: 3 }, drawn, row('waiting', 2))).toBe(false);
    expect(isOther(view('running', 3), drawn, row('waiting', 2))).toBe(true);
    const waits = [{ for: null, target: 'gs-001', job: null }] as JobView['waiting_for'];
    expect(isOther(view('waiting', 3, waits), drawn, row('waiting', 2))).toBe(true);
  });

  it('not by a state that is older than its row', () => {
    expect(isOther(view('queued', 1), null, row('waiting', 2))).toBe(false);
  });
});
