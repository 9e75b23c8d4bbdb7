import { describe, expect, it } from 'vitest';
import type { FollowerInfo } from '../../src/client';
import { blocks } from './fake/behaviour';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { type FakePlatform, settle, until } from './fake/platform';
import type { FakeServer } from './fake/server';

const FIRST_FRAME = 4000;
const OUTPUT = { type: 'step.output', step: 'x', data: { text: 'more\n' } };

interface Fake {
  readonly server: FakeServer;
  readonly platform: FakePlatform;
}

/** Have the trial catch up, and a heartbeat come in time over it: it is the connection then. */
async function proves({ server, platform }: Fake, { info }: { info: FollowerInfo }): Promise<void> {
  await until(() => server.following === 2);
  await settle();
  platform.clock.advance(12_000);
  server.say('heartbeat', { head: info.head });
  await until(() => server.following === 1);
}

describe('going up the ladder', () => {
  it('does not take a better one that holds back what comes after all is here', async () => {
    const fake = await serve(history(10, false));
    fake.platform.memory.set('long poll');
    const it = following(fake, { transports: ['SSE', 'long poll'] });
    await it.to('live');
    fake.server.script = () => ({ hello: { heartbeat_s: 2 } });
    for (const wait of [60_000, 120_000, 240_000]) {
      for (let waited = 0; waited < wait; waited += 2000) {
        expect(fake.server.following).toBe(0);
        fake.platform.clock.advance(2000);
        fake.server.append(OUTPUT);
        await until(() => it.info.seq === fake.server.log.head);
        await settle();
      }
      await until(() => fake.server.following === 1);
      fake.platform.clock.advance(8000);
      await until(() => fake.server.following === 0);
      expect(it.info).toMatchObject({ state: 'live', transport: 'long poll', error: null });
    }
  });

  it('does not try a better one while there is more to come', async () => {
    const fake = await serve(history(10, false));
    fake.platform.memory.set('SSE');
    fake.server.script = ({ transport }) => (transport === 'SSE' ? { stallsAfter: 6 } : {});
    const upgrade = { known: 1000, unknown: 1000, most: 1000 };
    const it = following(fake, { transports: ['WebSocket', 'SSE'], upgrade, firstFrameMs: 30_000 });
    await until(() => it.info.seq === 6);
    fake.platform.clock.advance(29_999);
    await settle();
    expect(fake.server.transports).toEqual(['SSE']);
  });

  it('lets go of a better one where the job runs away from the follower', async () => {
    const fake = await serve(history(10, false));
    fake.platform.memory.set('SSE');
    const upgrade = { known: 1000, unknown: 1000, most: 1000 };
    const it = following(fake, { transports: ['WebSocket', 'SSE'], upgrade });
    await it.to('live');
    fake.platform.clock.advance(1000);
    await until(() => fake.server.following === 2);
    fake.server.say('fell_behind', { seq: 10, head: 40 });
    await until(() => fake.server.following === 1);
    expect(it.info).toMatchObject({ state: 'catching_up', transport: 'SSE' });
  });

  it('remembers what works, and tries the better one a minute later without a gap', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(['WebSocket', 'refused']);
    const first = following(fake);
    await first.to('live');
    first.follower.stop();
    const it = following(fake);
    await it.to('live');
    expect(fake.server.transports).toEqual(['WebSocket', 'WebSocket', 'SSE', 'SSE']);
    for (const head of [11, 12]) {
      fake.platform.clock.advance(20_000);
      fake.server.say('heartbeat', { head });
      await until(() => it.info.head === head);
    }
    fake.server.script = () => ({});
    fake.platform.clock.advance(19_999);
    await settle();
    expect(fake.server.seen).toHaveLength(4);
    fake.platform.clock.advance(1);
    fake.server.append(OUTPUT);
    await until(() => fake.server.seen.length === 5 && it.info.seq === 11);
    await proves(fake, it);
    expect(it.info.transport).toBe('WebSocket');
    fake.server.append(OUTPUT, { type: 'job.succeeded' });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(13));
    expect(it.states).toEqual(['connecting', 'catching_up', 'live', 'ended']);
    expect(it.info).toMatchObject({ duplicates: 0, gaps: 0, error: null, resumed: null });
  });

  it('keeps the connection that works while the trial is silent, and waits twice as long', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(['WebSocket', 'silent'], ['SSE', 'refused']);
    fake.platform.memory.set('octet stream');
    const it = following(fake);
    await it.to('live');
    await until(() => fake.platform.clock.pending.includes(60_000));
    fake.platform.clock.advance(30_000);
    fake.server.say('heartbeat', { head: 11 });
    await until(() => it.info.head === 11);
    fake.platform.clock.advance(30_000);
    fake.server.append(OUTPUT);
    await until(() => it.info.seq === 11 && fake.server.seen.length === 2);
    fake.platform.clock.advance(FIRST_FRAME);
    await until(() => fake.platform.clock.pending.includes(120_000));
    expect(fake.server.transports).toEqual(['octet stream', 'WebSocket', 'SSE']);
    expect(it.info).toMatchObject({ state: 'live', transport: 'octet stream', seq: 11 });
  });

  it('goes back to one that has worked after ten seconds', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake);
    await it.to('live');
    fake.server.script = blocks(['WebSocket', 'refused']);
    fake.server.cut();
    await until(() => it.info.transport === 'SSE' && it.info.state === 'live');
    fake.server.script = () => ({});
    fake.platform.clock.advance(10_000);
    await proves(fake, it);
    expect(it.info).toMatchObject({ state: 'live', transport: 'WebSocket' });
    const { length } = fake.server.seen;
    fake.server.cut();
    await until(() => fake.server.seen.length > length);
    expect(fake.server.transports.at(-1)).toBe('WebSocket');
  });

  it('tries the better one in time though answers end and come again all the while', async () => {
    const fake = await serve(history(10, false));
    fake.platform.memory.set('SSE');
    const it = following(fake);
    await it.to('live');
    await until(() => fake.platform.clock.pending.includes(60_000));
    for (let rotations = 1; rotations <= 3; rotations += 1) {
      fake.platform.clock.advance(15_000);
      fake.server.rotate();
      await until(() => fake.server.seen.length === 1 + rotations);
      await until(() => !fake.platform.clock.pending.includes(FIRST_FRAME));
    }
    fake.platform.clock.advance(15_000);
    await proves(fake, it);
    expect(it.info.transport).toBe('WebSocket');
    expect(fake.server.transports).toEqual(['SSE', 'SSE', 'SSE', 'SSE', 'WebSocket']);
  });

  it('gives up the trial too when it is stopped', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(['WebSocket', 'silent']);
    fake.platform.memory.set('SSE');
    const it = following(fake, { upgrade: { known: 1000, unknown: 1000, most: 1000 } });
    await it.to('live');
    fake.platform.clock.advance(1000);
    await until(() => fake.server.sockets === 1);
    it.follower.stop();
    await until(() => fake.server.sockets === 0);
    expect(fake.platform.clock.pending).toEqual([]);
  });
});
