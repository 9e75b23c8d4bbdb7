import { describe, expect, it } from 'vitest';
import {
  Addresses,
  Backoff,
  BadCursor,
  cursorOf,
  exponential,
  follow,
  seqOf,
} from '../../src/client';
import { JOB } from './fake/history';

describe('addresses', () => {
  const host = 'https://reprise.example';

  it.each([
    [JOB, `${host}/jobs/whatever`, `${host}/`],
    [JOB.toUpperCase(), host, `${host}/`],
    [JOB.replaceAll('-', ''), host, `${host}/`],
    [`/jobs/${JOB.replaceAll('-', '').toUpperCase()}/`, host, `${host}/`],
    [`/jobs/${JOB}`, host, `${host}/`],
    [`/api/jobs/${JOB}?at=5`, host, `${host}/`],
    [`${host}/ops/api/jobs/${JOB}/stream`, '', `${host}/ops/`],
    [`${host}/ops/jobs/${JOB}`, 'http://elsewhere/', `${host}/ops/`],
  ])('of %s seen from %s begin with %s', async (job, base, root) => {
    const addresses = new Addresses(job, base);
    expect(addresses.job).toBe(JOB);
    expect(await addresses.stream('57-5f1c2a9b')).toBe(
      `${root}api/jobs/${JOB}/stream?after=57-5f1c2a9b&heartbeat_s=2`,
    );
    expect(await addresses.events('0', 10, 25)).toBe(
      `${root}api/jobs/${JOB}/events?after=0&limit=10&wait=25`,
    );
    const socket = `${root.replace('https', 'wss')}ws/jobs/${JOB}/?after=0&heartbeat_s=2`;
    expect(await addresses.webSocket('0')).toBe(socket);
  });

  it('carry a ticket, made anew each time', async () => {
    let made = 0;
    const addresses = new Addresses(JOB, 'http://host/', async () => {
      made += 1;
      return `t ${made}`;
    });
    expect(await addresses.webSocket('0')).toBe(
      `ws://host/ws/jobs/${JOB}/?after=0&heartbeat_s=2&ticket=t+1`,
    );
    expect(await addresses.stream('0')).toContain('ticket=t+2');
  });

  it.each(['', 'x', '/jobs/', '/jobs/0192f3c1', `/other/${JOB}`, `{${JOB}}`, JOB.replace('-', '')])(
    'of %j are none',
    (job) => {
      expect(() => new Addresses(job, 'http://host/')).toThrow(TypeError);
    },
  );
});

describe('cursors', () => {
  it('are a seq and the start of its hash', () => {
    expect(cursorOf({ seq: 57, hash: `5f1c2a9b${'0'.repeat(56)}` })).toBe('57-5f1c2a9b');
    expect([seqOf('0'), seqOf('57'), seqOf('57-5f1c2a9b')]).toEqual([0, 57, 57]);
  });

  it.each(['', '-1', '1-', '1-xyz', '1-5F1C2A9B', '1-5f1c2a9b0', 'a', '1.5', ' 1'])(
    'are not %j',
    (text) => {
      expect(() => seqOf(text)).toThrow(BadCursor);
      expect(() => follow(JOB, { after: text, platform: { base: 'http://host/' } })).toThrow(
        BadCursor,
      );
    },
  );
});

it('without a transport there is no following', () => {
  const platform = { base: 'http://host/', WebSocket: undefined };
  expect(() => follow(JOB, { transports: ['WebSocket'], platform })).toThrow(TypeError);
});

describe('backoff', () => {
  it('doubles its ceiling up to the cap, and waits anything below it', () => {
    const most = new Backoff(exponential(4000), () => 1);
    expect([1, 2, 3, 4, 5, 6].map(() => most.next())).toEqual([500, 1000, 2000, 4000, 4000, 4000]);
    const least = new Backoff(exponential(), () => 0);
    expect([least.next(), least.next()]).toEqual([0, 0]);
    expect(exponential()(5000, 500)).toBe(15_000);
  });

  it('starts over after a reset, from the base that a server set', () => {
    const backoff = new Backoff(exponential(), () => 1);
    backoff.next();
    backoff.next();
    expect(backoff.tries).toBe(2);
    backoff.base = 3000;
    backoff.reset();
    expect([backoff.next(), backoff.next()]).toEqual([3000, 6000]);
  });
});
