import { afterEach, describe, expect, it } from 'vitest';
import * as format from '../../src/text/format';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('durations', () => {
  it.each([
    [0, '0.0 s'],
    [1.84, '1.8 s'],
    [59.94, '59.9 s'],
    [59.96, '1 m 00 s'],
    [124, '2 m 04 s'],
    [3599.7, '1 h 00 m'],
    [3840, '1 h 04 m'],
    [86_400 * 2 + 3600 * 3, '2 d 03 h'],
    [-5, '0.0 s'],
  ])('%d s is %s', (seconds, expected) => {
    expect(plain(format.duration(seconds))).toBe(expected);
  });

  it('drop the tenths where they would only flicker', () => {
    expect(plain(format.duration(12.7, true))).toBe('13 s');
    expect(plain(format.duration(59.7, true))).toBe('1 m 00 s');
  });
});

describe('what is left', () => {
  it.each([
    [3, 'a few seconds left'],
    [23, 'about 25 s left'],
    [58, 'about 1 m left'],
    [130, 'about 2 m left'],
    [5400, 'about 1 h 30 m left'],
  ])('%d s: %s', (seconds, expected) => {
    expect(plain(format.remainingTime(seconds))).toBe(expected);
  });
});

describe('instants in a zone that the reader chose', () => {
  afterEach(() => format.chooseZone(undefined));

  it('have its clock, its day and its name, whatever the browser has', () => {
    const at = new Date('2026-12-31T23:30:05.118Z');
    format.chooseZone('Asia/Kolkata');
    expect(format.clockTime(at, true)).toBe('05:00:05.118');
    const now = new Date('2026-12-31T10:00:00Z');
    expect(format.momentTime(at, now)).toBe('1\u00a0Jan 2027 05:00 GMT+5:30');
    expect(format.relativeTime(at, now)).toBe('tomorrow 05:00');
    format.chooseZone('Middle/Earth');
    expect(format.clockTime(new Date(2026, 0, 1, 9))).toBe('09:00:00');
    format.chooseZone('America/New_York');
    expect(format.relativeTime(at, now)).toBe('today 18:30');
    expect(format.clockTime(new Date('2026-11-01T05:30:00Z'))).toBe('01:30:00');
    expect(format.clockTime(new Date('2026-11-01T06:30:00Z'))).toBe('01:30:00');
  });
});

describe('instants', () => {
  const now = new Date(2026, 10, 22, 14, 2, 11);
  const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

  it.each([
    [1, 'just now'],
    [42, '42 s ago'],
    [240, '4 m ago'],
    [3 * 3600, '3 h ago'],
    [8 * 3600, 'today 06:02'],
    [20 * 3600, 'yesterday 18:02'],
    [-1, 'just now'],
    [-42, 'in 42 s'],
    [-240, 'in 4 m'],
    [-3 * 3600, 'in 3 h'],
    [-8 * 3600, 'today 22:02'],
    [-20 * 3600, 'tomorrow 10:02'],
    [-3 * 86_400, '25 Nov 14:02'],
    [3 * 86_400, '19 Nov 14:02'],
    [400 * 86_400, '18 Oct 2025 14:02'],
  ])('%d s before: %s', (seconds, expected) => {
    expect(plain(format.relativeTime(ago(seconds), now))).toBe(expected);
  });

  it('are the same for every reader where they are exact: in UTC, with milliseconds', () => {
    const at = new Date('2026-11-22T13:02:11.118Z');
    expect(format.exactTime(at)).toBe('2026-11-22 13:02:11.118 UTC');
  });

  it('have the date, the time and the zone of the reader, and another year', () => {
    const at = new Date(2026, 10, 22, 14, 2, 11, 118);
    expect(format.clockTime(at)).toBe('14:02:11');
    expect(plain(format.momentTime(at, now))).toBe(`22 Nov 14:02 ${format.zoneName(at)}`);
    const before = new Date(2025, 0, 2, 3, 4);
    expect(plain(format.momentTime(before, now))).toMatch(/^2 Jan 2025 03:04 \S+$/);
  });
});

describe('names and numbers', () => {
  it('count with thousands apart, and agree with their noun', () => {
    expect(format.count(1204)).toBe('1,204');
    expect(plain(format.plural(1, 'server'))).toBe('1 server');
    expect(plain(format.plural(3, 'try', 'tries'))).toBe('3 tries');
  });

  it('tell ids apart by their end: a UUIDv7 begins with the time', () => {
    expect(format.shortId('01a202ea-4507-781f-859c-85fae17a2854')).toBe('e17a2854');
  });

  it.each([
    ['user:ann', 'ann'],
    ['worker:host-3/812', 'worker host-3/812'],
    ['token:ann/ci', 'token ann/ci'],
    ['system', 'system'],
  ])('%s is %s', (actor, expected) => {
    expect(format.actorName(actor)).toBe(expected);
  });

  it.each([
    ['user:ann', null, 'ann'],
    ['token:ann/ci/nightly', null, 'ann, by token'],
    ['schedule:nightly', null, 'schedule nightly'],
    ['user:ann', '2026-11-22T13:02:11Z', 'ann (imported)'],
  ])('%s submitted it: %s', (submitted_by, imported_at, expected) => {
    expect(format.submitterName({ submitted_by, imported_at })).toBe(expected);
  });
});
