/** What the console keeps in a browser, and what it says of a run. */

import { describe, expect, it } from 'vitest';
import { noticeOf } from '../../src/elements/run-notices';
import { readFilters } from '../../src/elements/saved-filters';

describe('kept filters', () => {
  it('are read as they were kept', () => {
    const kept = [{ name: 'Mine', query: '?actor=me' }];
    expect(readFilters(JSON.stringify(kept))).toEqual(kept);
  });

  it.each([
    null,
    '',
    '{',
    '{}',
    '[null]',
    '[{"name":1}]',
    '[{"name":"a","query":"javascript:alert(1)"}]',
  ])('are none in %s', (text) => {
    expect(readFilters(text)).toEqual([]);
  });
});

describe('a notice of a run', () => {
  it('is of its end, or of a gate that the reader may answer', () => {
    const row = { status: 'running', can: ['cancel'], message: '' } as const;
    expect(noticeOf(row)).toBe('');
    expect(noticeOf({ ...row, status: 'waiting', can: ['approve'] })).toBe(
      'The run waits for your answer.',
    );
    expect(noticeOf({ ...row, status: 'failed', message: '1 failed' })).toBe('failed: 1 failed');
    expect(noticeOf({ ...row, status: 'succeeded' })).toBe('The run succeeded.');
  });
});
