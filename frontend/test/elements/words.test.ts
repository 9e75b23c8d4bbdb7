import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/client';
import { eventWords, listNames } from '../../src/text/event-words';

interface Case {
  readonly words: string;
  readonly event: JobEvent;
}

// tests/unit/test_words.py holds the Python twin to the same cases.
const cases: Case[] = readFileSync(new URL('./words.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

describe('an event in words', () => {
  it.each(cases)('$event.type: $words', ({ words: expected, event }) => {
    expect(eventWords(event)).toBe(expected);
  });

  it('is its type where a newer server sends what this page does not know', () => {
    const event = { ...cases[0]?.event, type: 'job.archived' } as unknown as JobEvent;
    expect(eventWords(event)).toBe('job.archived');
  });
});

describe('a list of names', () => {
  it('is spelt out while it is short', () => {
    expect(listNames([])).toBe('');
    expect(listNames(['a'])).toBe('a');
    expect(listNames(['a', 'b', 'c'])).toBe('a, b and c');
  });

  it('ends in a number where it is long', () => {
    expect(listNames(['a', 'b', 'c', 'd', 'e', 'f'])).toBe('a, b, c and 3\u00a0more');
  });
});
