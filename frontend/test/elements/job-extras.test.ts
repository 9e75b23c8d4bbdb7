/** Title, labels, start and priority in a submission; a form that outlives the session, without secrets. */

import { describe, expect, it } from 'vitest';
import { draftTexts, keepDraft, maySecret, takeDraft } from '../../src/new-job/draft';
import { buildFields, initialEntries } from '../../src/new-job/form';
import { extraMembers, NO_EXTRAS, withExtras } from '../../src/new-job/job-extras';
import type { Schema } from '../../src/new-job/schema';

const BODY = '{"kind":"load","params":{"n":1e22}}';
const KIND = {
  type: 'object',
  properties: {
    word: { type: 'string' },
    pin: { type: 'string', format: 'password' },
    maybe: { anyOf: [{ type: 'string', format: 'password' }, { type: 'null' }] },
    deep: { type: 'object', properties: { key: { type: 'string', format: 'password' } } },
    behind: { type: 'array', items: { $ref: '#/$defs/Login' } },
  },
  $defs: { Login: { type: 'object', properties: { key: { type: 'string', format: 'password' } } } },
} as unknown as Schema;
const TEXTS = {
  word: '"hello"',
  pin: '"1234"',
  maybe: '"12345"',
  deep: '{"key":"123456"}',
  behind: '[{"key":"9999"}]',
};

describe('the members of a submission', () => {
  it('has nothing that was not typed, and keeps the digits of the parameters', () => {
    expect(withExtras(BODY, NO_EXTRAS)).toBe(BODY);
    expect(withExtras(BODY, { ...NO_EXTRAS, title: ' a "b" ', priority: '-3' })).toBe(
      '{"kind":"load","params":{"n":1e22},"title":"a \\"b\\"","priority":-3}',
    );
  });

  it('reads labels and the clock of the reader', () => {
    const typed = { ...NO_EXTRAS, labels: 'ticket=OPS=12\n\n odd \n', startAt: '2026-12-01T14:00' };
    expect(extraMembers(typed)).toEqual({
      labels: { ticket: 'OPS=12', odd: '' },
      start_at: new Date(2026, 11, 1, 14).toISOString(),
    });
    expect(extraMembers({ ...NO_EXTRAS, startAt: 'never', priority: 'x' })).toEqual({});
  });
});

describe('a form that is left', () => {
  it('keeps no field that may hold a secret', () => {
    const fields = buildFields(KIND, TEXTS);
    expect(fields.filter(maySecret).map(({ name }) => name)).toEqual([
      'pin',
      'maybe',
      'deep',
      'behind',
    ]);
    expect(draftTexts(fields, initialEntries(fields))).toEqual({ word: '"hello"' });
  });

  it('is there again once, at its own address', () => {
    const draft = {
      address: '/jobs/new?kind=a',
      idempotencyKey: 'k',
      extras: NO_EXTRAS,
      texts: {},
    };
    keepDraft(draft);
    expect(takeDraft('/jobs/new?kind=a')).toEqual(draft);
    expect(takeDraft('/jobs/new?kind=a')).toBeNull();
    keepDraft(draft);
    expect(takeDraft('/jobs/new?kind=b')).toBeNull();
  });
});
