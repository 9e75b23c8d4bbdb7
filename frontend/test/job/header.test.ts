import { expect, test } from 'vitest';
import { failedWords } from '../../src/job/header';

const running = { done: 4, failed: 1, finished_at: null, params: { max_failures: 2, canary: 1 } };

test('it says how many more failures are tolerated', () => {
  expect(failedWords(running)).toBe('1 failed (1 more tolerated)');
  expect(failedWords({ ...running, failed: 2 })).toBe('2 failed (no more tolerated)');
  expect(failedWords({ ...running, failed: 3 })).toBe('3 failed');
});

test('a canary that failed is not tolerated, however many are', () => {
  expect(failedWords({ ...running, done: 1 })).toBe('1 failed (no more tolerated)');
  const none = { ...running, done: 1, params: { max_failures: 2, canary: 0 } };
  expect(failedWords(none)).toBe('1 failed (1 more tolerated)');
});

test('of a run that is over, or does not say, only the number is told', () => {
  expect(failedWords({ ...running, finished_at: '2026-11-29T12:00:00Z' })).toBe('1 failed');
  expect(failedWords({ ...running, params: {} })).toBe('1 failed');
});
