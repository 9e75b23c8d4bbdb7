import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fold, type JobEvent, NOTHING } from '../../src/client';
import { upcast } from '../../src/client/upcast';

const RECORDED = join(import.meta.dirname, '../../../tests/replay/histories');

function history(name: string): JobEvent[] {
  const text = readFileSync(join(RECORDED, `${name}.ndjson`), 'utf8').trimEnd();
  return text.split('\n').map((line) => JSON.parse(line) as JobEvent);
}

describe('an event of an old version', () => {
  const [old] = history('stopped-load-v1');
  const [now] = history('stopped-load');
  if (old?.type !== 'job.submitted' || now === undefined) throw new Error('recorded otherwise');

  it('is brought up to the newest', () => {
    expect([old.version, old.data.total]).toEqual([1, 0]);
    expect(upcast(old)).toEqual({ ...old, version: 2, data: { ...old.data, total: 300 } });
    expect(old.data.total).toBe(0);
  });

  it('counts from the first event on, as one of the newest version does', () => {
    expect(fold(NOTHING, [old]).total).toBe(300);
    expect(fold(NOTHING, [now]).total).toBe(300);
  });

  it('needs no total of its own where the plan names targets', () => {
    const { total: _, ...data } = old.data;
    const groups = [{ name: 'all', targets: ['a', 'b'] }];
    const planned = { ...old, data: { ...data, plan: { ...data.plan, groups } } };
    expect(fold(NOTHING, [planned]).total).toBe(2);
  });
});

it('leaves the newest versions as they are', () => {
  for (const name of readdirSync(RECORDED).filter((file) => /^[^.]+\.ndjson$/.test(file))) {
    for (const event of history(name.replace('.ndjson', ''))) {
      if (event.type !== 'job.submitted' || event.version > 1) expect(upcast(event)).toBe(event);
    }
  }
});
