import { describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../../src/client';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { settle, until } from './fake/platform';

const OUTPUT = { type: 'step.output', step: 'x', data: { text: 'more\n' } };
const STREAMS = ['WebSocket', 'SSE', 'octet stream'] as const;

describe('a cut', () => {
  it('is told with the time of the next try, and healed with what a resume brought', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, { transports: ['SSE'], backoff: (tries) => 1000 * (tries + 1) });
    await it.to('live');
    fake.server.cut();
    await it.to('reconnecting');
    const now = fake.platform.clock.now();
    expect(it.info).toMatchObject({ attempts: 1, nextTryAt: now + 500, seq: 10 });
    expect(it.info.error).toMatchObject({ code: 'network', at: now });
    fake.server.append(OUTPUT, OUTPUT, OUTPUT);
    fake.platform.clock.advance(500);
    expect(it.info).toMatchObject({ state: 'reconnecting', nextTryAt: null });
    await it.to('live');
    const at = fake.platform.clock.now();
    expect(it.info).toMatchObject({ attempts: 0, resumed: { from: 10, caughtUp: 3, at } });
    expect(it.states.slice(2)).toEqual(['live', 'reconnecting', 'catching_up', 'live']);
    expect(fake.server.seen[1]?.after).toBe(fake.server.log.cursor(10));
  });

  it('counts as one with those that follow before it is caught up', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, { transports: ['WebSocket'] });
    await it.to('live');
    fake.server.script = ({ nth }) => (nth === 1 ? { error: { after: 4, close: 1006 - 5 } } : {});
    fake.server.log.append(OUTPUT);
    for (const _ of upTo(6)) fake.server.log.append(OUTPUT);
    fake.server.cut();
    await until(() => it.info.resumed !== null);
    expect(it.info.resumed).toMatchObject({ from: 10, caughtUp: 7 });
    expect(fake.server.seen.map(({ after }) => after)).toEqual(
      [0, 10, 14].map((seq) => fake.server.log.cursor(seq)),
    );
  });

  it('is awaited longer each time that nothing comes of a try', async () => {
    const fake = await serve(history(1, false));
    const it = following(fake, { transports: ['SSE'], backoff: (tries) => 1000 * 2 ** tries });
    await it.to('live');
    fake.server.script = () => ({ refused: true });
    fake.server.cut();
    for (const wait of [500, 1000, 2000, 4000]) {
      await until(() => it.info.nextTryAt === fake.platform.clock.now() + wait);
      fake.platform.clock.advance(wait);
    }
    await until(() => it.info.nextTryAt === fake.platform.clock.now() + 8000);
    expect(it.info.attempts).toBe(5);
    fake.server.script = () => ({});
    it.follower.tryNow();
    await it.to('live');
  });
});

describe.each(STREAMS)('silence over %s', (transport) => {
  it.each([
    [15, 30_000, 37_500],
    [2, 4000, 8000],
    [undefined, 30_000, 37_500],
  ])(
    'of heartbeats each %j s is told, and later means a new connection',
    async (heartbeat_s, quiet, most) => {
      const fake = await serve(history(10, false));
      fake.server.script = () => ({ hello: { heartbeat_s } });
      const it = following(fake, { transports: [transport] });
      await it.to('live');
      fake.platform.clock.advance(quiet - 1);
      expect(it.info.state).toBe('live');
      fake.platform.clock.advance(1);
      expect(it.info.state).toBe('quiet');
      fake.platform.clock.advance(most - quiet - 1);
      expect(it.info).toMatchObject({ state: 'quiet', error: null });
      fake.server.log.append(OUTPUT);
      fake.platform.clock.advance(1);
      await until(() => it.info.state === 'live' && it.info.seq === 11);
      expect(it.info.error?.code).toBe('held');
      expect(it.seqs).toEqual(upTo(11));
    },
  );

  it('that a heartbeat ends is none', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, { transports: [transport] });
    await it.to('live');
    fake.platform.clock.advance(35_000);
    expect(it.info.state).toBe('quiet');
    fake.server.say('heartbeat', { head: 10 });
    await it.to('live');
    fake.platform.clock.advance(29_999);
    expect(it.info.state).toBe('live');
    fake.platform.clock.advance(1);
    expect(it.info).toMatchObject({ state: 'quiet', error: null });
  });

  it('broken by heartbeats is none', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, { transports: [transport] });
    await it.to('live');
    for (const head of [11, 12, 13, 14]) {
      fake.platform.clock.advance(20_000);
      fake.server.say('heartbeat', { head, at: '2026-11-22T09:00:00.000000Z' });
      await until(() => it.info.head === head);
    }
    expect(fake.server.seen).toHaveLength(1);
    expect(it.info).toMatchObject({ state: 'live', seq: 10, error: null });
  });
});

describe.each(TRANSPORTS)('what should not come over %s', (transport) => {
  it('twice is passed over and counted', async () => {
    const fake = await serve(history(20));
    fake.server.script = () => ({ mangle: (seqs) => seqs.flatMap((seq) => [seq, seq]), batch: 3 });
    const it = following(fake, { transports: [transport] });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(20));
    expect(it.info.duplicates).toBe(20);
  });

  it('with a hole means a new connection from before the hole', async () => {
    const fake = await serve(history(20));
    const hole = (seqs: number[]) => seqs.filter((seq) => seq !== 8);
    fake.server.script = ({ nth }) => (nth === 0 ? { mangle: hole, batch: 4 } : {});
    const it = following(fake, { transports: [transport] });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(20));
    expect(it.info).toMatchObject({ gaps: 1, error: { code: 'gap' } });
    expect(fake.server.seen[1]?.after).toBe(fake.server.log.cursor(7));
  });
});

describe('what should not come', () => {
  it('is noticed where the end of the history is missing', async () => {
    const fake = await serve(history(20));
    const short = (seqs: number[]) => seqs.slice(0, 15);
    fake.server.script = ({ nth }) => (nth === 0 ? { mangle: short } : {});
    const it = following(fake, { transports: ['WebSocket'] });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(20));
    expect(it.info.gaps).toBe(1);
  });

  it('is no frame, and means a new connection', async () => {
    const fake = await serve(history(5, false));
    const it = following(fake, { transports: ['WebSocket'] });
    await it.to('live');
    fake.server.say('events', { events: 'none' });
    await until(() => fake.server.seen.length === 2 && it.info.state === 'live');
    expect(it.info.error?.code).toBe('bad_frame');
  });

  it('is a frame of a kind that is not known, and passed over', async () => {
    const fake = await serve(history(5, false));
    const it = following(fake, { transports: ['SSE'] });
    await it.to('live');
    fake.server.say('weather', { sun: true });
    fake.server.append({ type: 'job.succeeded' });
    await it.to('ended');
    expect(fake.server.seen).toHaveLength(1);
  });

  it('tells when the server had to go back to the log', async () => {
    const fake = await serve(history(5, false));
    const it = following(fake, { transports: ['SSE'] });
    await it.to('live');
    fake.server.say('fell_behind', { seq: 5, head: 40 });
    await it.to('catching_up');
    expect(it.info.head).toBe(40);
    fake.server.say('caught_up', { seq: 5, head: 5 });
    await it.to('live');
    expect(it.info.resumed).toBeNull();
  });
});

describe('a rotation', () => {
  it.each(['SSE', 'octet stream'] as const)('of %s is no cut', async (transport) => {
    const fake = await serve(history(30, false));
    fake.server.script = ({ nth }) => (nth < 4 ? { rotate: 6 } : {});
    const it = following(fake, { transports: [transport] });
    await it.to('live');
    expect(it.seqs).toEqual(upTo(30));
    expect(fake.server.seen).toHaveLength(5);
    expect(it.info).toMatchObject({ error: null, attempts: 0, resumed: null });
    expect(it.states).toEqual(['connecting', 'catching_up', 'live']);
  });

  it('while live keeps the state, even where it brought nothing', async () => {
    const fake = await serve(history(3, false));
    const it = following(fake, { transports: ['SSE'], after: 3 });
    await it.to('live');
    fake.platform.clock.sleep(30_000);
    fake.server.rotate();
    await until(() => fake.server.seen.length === 2);
    fake.server.append(OUTPUT);
    await until(() => it.info.seq === 4);
    expect(it.states).toEqual(['connecting', 'catching_up', 'live']);
    expect(it.info).toMatchObject({ error: null, attempts: 0 });
  });

  it('that comes at once and brings nothing is one', async () => {
    const fake = await serve(history(3, false));
    fake.server.script = () => ({ rotate: 0 });
    const it = following(fake, { transports: ['SSE'], after: 3, backoff: () => 1000 });
    await until(() => it.info.nextTryAt !== null);
    expect(it.info.error?.code).toBe('ended_early');
    await settle();
    expect(fake.server.seen).toHaveLength(1);
  });
});
