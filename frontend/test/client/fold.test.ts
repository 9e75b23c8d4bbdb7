import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  fold,
  type JobEvent,
  type JobView,
  NOTHING,
  newestOccurrence,
  planOf,
  recorded,
  stepKey,
} from '../../src/client';
import { History } from './fake/history';

const HERE = join(import.meta.dirname, 'histories');
/** Real runs, recorded with `manage.py record`; the Python fold is held to them too. */
const RECORDED = join(import.meta.dirname, '../../../tests/replay/histories');

/** Names of the histories beside which the server's states are recorded. */
const histories = [HERE, RECORDED]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.states.ndjson'))
  .map((path) => path.replace('.states.ndjson', ''));

interface Change {
  readonly summary: Record<string, unknown>;
  readonly steps: unknown[];
}

function lines<T>(path: string): T[] {
  const text = readFileSync(path, 'utf8').trimEnd();
  return text.split('\n').map((line) => JSON.parse(line) as T);
}

/** What an event changed, in the form in which the server records it. */
function change(before: JobView, after: JobView): Change {
  const { steps: was, ...old } = recorded(before);
  const { steps, ...now } = recorded(after);
  const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const first = before === NOTHING;
  const summary = Object.entries(now).filter(
    ([name, value]) => first || differ(value, old[name as keyof typeof old]),
  );
  return {
    summary: Object.fromEntries(summary),
    steps: steps.filter((step, at) => differ(step, was[at])),
  };
}

describe.each(histories)('%s', (path) => {
  // A record has a header, which is no event.
  const events = lines<JobEvent>(`${path}.ndjson`).filter((event) => 'seq' in event);

  it('folds to what the server recorded, at every seq', () => {
    const states = lines<Change>(`${path}.states.ndjson`);
    let view = NOTHING;
    for (const [at, event] of events.entries()) {
      const next = fold(view, [event]);
      expect(change(view, next), `seq ${event.seq}`).toEqual(states[at]);
      view = next;
    }
    expect(states).toHaveLength(events.length);
  });

  it('folds to the same all at once, in two parts, and with what has come before', () => {
    const whole = fold(NOTHING, events);
    for (let at = 0; at <= events.length; at += Math.ceil(events.length / 50)) {
      const part = fold(NOTHING, events.slice(0, at));
      expect(fold(part, events.slice(at))).toEqual(whole);
      expect(fold(part, events)).toEqual(whole);
    }
  });
});

describe('what the server does not keep', () => {
  const started = { type: 'step.started', step: 'fetch', target: 'gs-001' };
  const progressed = { type: 'step.progressed', step: 'fetch', target: 'gs-001' };
  const plan = { steps: ['fetch'], groups: [], words: 'One server.' };
  const log = new History([
    { type: 'job.submitted', actor: 'user:operator', data: { kind: 'k', title: 'T', plan } },
    { type: 'attempt.started' },
    { ...progressed, data: { done: 9, total: 9 } },
    { ...started, data: { try: 1, occurrence: 1 } },
    { ...started, data: { try: 1, occurrence: 2 } },
    { ...progressed, data: { done: 1, total: 4 } },
    { type: 'weather.changed', step: 'fetch', data: { sun: true } },
    { ...started, data: { try: 2, occurrence: 2 } },
    { type: 'job.failed', data: { message: 'no', failed_targets: ['gs-001'], result: 3 } },
  ]);
  const at = (seq: number) => fold(NOTHING, log.events.slice(0, seq));

  it('is who submitted what', () => {
    expect(planOf(NOTHING)).toBeNull();
    expect(planOf(at(1))).toEqual(plan);
    expect(at(1).submitted).toEqual({ by: 'user:operator', kind: 'k', title: 'T', plan });
  });

  it('is a plan of nothing, where a schedule could not submit', () => {
    const data = { kind: 'k', title: 'T', plan: {} };
    const refused = new History([{ type: 'job.submitted', actor: 'schedule:nightly', data }]);
    const nothing = { steps: [], groups: [], words: '' };
    expect(planOf(fold(NOTHING, refused.events))).toEqual(nothing);
  });

  it('is what did not fit into the submission: names, and groups of the plan', () => {
    const more = new History([
      { type: 'job.submitted', data: { kind: 'k', title: 'T', plan, extended: 1 } },
      {
        type: 'job.extended',
        data: {
          parts: [
            { at: ['plan', 'groups'], items: [{ name: 'a', targets: ['gs-001'] }] },
            { at: ['plan', 'groups', 0, 'targets'], items: ['gs-002'] },
          ],
        },
      },
    ]);
    const groups = [{ name: 'a', targets: ['gs-001', 'gs-002'] }];
    expect(planOf(fold(NOTHING, more.events))?.groups).toEqual(groups);
  });

  it('is how far a step is, of its newest occurrence and this try', () => {
    expect(at(3).steps.size).toBe(0);
    const step = (seq: number, occurrence: number) =>
      at(seq).steps.get(stepKey('fetch', 'gs-001', occurrence));
    expect(step(6, 1)?.progress).toBeUndefined();
    expect(step(6, 2)?.progress).toEqual({ done: 1, total: 4 });
    expect(step(8, 2)).not.toHaveProperty('progress');
    expect(newestOccurrence(at(6).steps, 'fetch', 'gs-001')?.occurrence).toBe(2);
    expect(newestOccurrence(at(6).steps, 'fetch', null)).toBeNull();
  });

  it('is how it ended', () => {
    expect(at(9)).toMatchObject({ status: 'failed', failed_targets: ['gs-001'], result: 3 });
  });

  it('is nothing of an event that is not known, which counts as folded', () => {
    expect({ ...at(7), head: 6, head_hash: '', last_at: '' }).toEqual({
      ...at(6),
      head_hash: '',
      last_at: '',
    });
  });

  it('leaves the view before as it was', () => {
    const before = at(4);
    const copy = structuredClone(before);
    fold(before, log.events);
    expect(before).toEqual(copy);
    expect(NOTHING.steps.size).toBe(0);
  });
});
