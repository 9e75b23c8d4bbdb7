import { describe, expect, it } from 'vitest';
import { following, job, type Socket } from './fake/feed';
import type { FakeClock } from './fake/platform';

describe('the feed', () => {
  it('is followed from a position, and jobs are handed on as they move', () => {
    const it = following();
    expect(it.socket().url).toBe('wss://ops.example.org/ws/feed/?after=5&heartbeat_s=2');
    it.socket().hello();
    it.socket().jobs(job(7), job(9, 'b'));
    expect(it.states).toEqual(['connecting']);
    it.socket().caughtUp(12);
    it.socket().jobs(job(14));
    expect(it.got.map(({ position }) => position)).toEqual([7, 9, 14]);
    expect(it.feed.info).toMatchObject({ state: 'live', position: 14, resumed: null });
  });

  it('is resumed by its position, also where all that moved was not for these eyes', () => {
    const it = following();
    it.socket().hello();
    it.socket().caughtUp(12);
    it.socket().say('heartbeat', { head: 40, at: '2026-11-22T09:00:00Z' });
    expect(it.beats).toEqual(['2026-11-22T09:00:00Z']);
    it.socket().end();
    expect(it.feed.info).toMatchObject({
      state: 'reconnecting',
      error: { code: 'connection_lost' },
    });
    it.clock.advance(500);
    expect(it.socket().after).toBe('40');
    it.socket().hello();
    it.socket().jobs(job(41), job(43, 'b'));
    it.socket().caughtUp(43);
    expect(it.feed.info).toMatchObject({ state: 'live', resumed: { jobs: 2 } });
    expect(it.states).toEqual(['connecting', 'live', 'reconnecting', 'live']);
  });

  it('takes no heartbeat for a place before it has caught up', () => {
    const it = following();
    it.socket().hello();
    it.socket().say('heartbeat', { head: 40 });
    expect(it.feed.info.position).toBe(5);
    it.socket().caughtUp(40);
    it.socket().say('fell_behind', { seq: 40, head: 90 });
    it.socket().say('heartbeat', { head: 90 });
    expect(it.feed.info.position).toBe(40);
  });

  it('waits longer each time, and begins anew after a connection that was worth having', () => {
    const it = following({ backoff: (tries) => 1000 * 2 ** tries });
    it.socket().hello();
    it.socket().jobs(job(6));
    it.socket().caughtUp(6);
    const waits: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      it.socket().end();
      waits.push((it.feed.info.nextTryAt ?? 0) - it.clock.now());
      it.clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000]);
    it.socket().hello();
    it.socket().jobs(job(7));
    it.socket().end();
    expect((it.feed.info.nextTryAt ?? 0) - it.clock.now()).toBe(500);
  });

  it('comes back when the server says so, not sooner', () => {
    const it = following({ backoff: () => 0 });
    it.socket().hello();
    it.socket().refuse('going_down', 4000, 3);
    it.signals.wake();
    it.clock.advance(2999);
    expect(it.sockets).toHaveLength(1);
    it.clock.advance(1);
    expect(it.sockets).toHaveLength(2);
  });

  it('that is silent for long is given up', () => {
    const it = following();
    it.socket().hello();
    it.socket().caughtUp(5);
    it.clock.advance(29_000);
    it.socket().say('heartbeat', { head: 5 });
    it.clock.advance(29_999);
    expect(it.feed.info.state).toBe('live');
    it.clock.advance(1);
    expect(it.feed.info.state).toBe('quiet');
    it.socket().say('heartbeat', { head: 5 });
    expect(it.feed.info.state).toBe('live');
    it.clock.advance(38_000);
    expect(it.feed.info).toMatchObject({ state: 'reconnecting', error: { code: 'silent' } });
    expect(it.sockets[0]?.isClosed).toBe(true);
  });

  it.each([
    ['no frame', 'nonsense'],
    ['another first frame', '{"kind":"events","events":[]}'],
  ])('with %s is given up', (_, data) => {
    const it = following();
    it.socket().onmessage?.({ data });
    expect(it.feed.info.error?.code).toBe('bad_frame');
  });

  it('that is stopped is let go of', () => {
    const it = following();
    it.socket().hello();
    it.feed.stop();
    expect(it.sockets[0]?.isClosed).toBe(true);
    expect(it.signals.watched).toBe(0);
    it.clock.advance(100_000);
    expect(it.sockets).toHaveLength(1);
  });
});

describe('where WebSockets are blocked', () => {
  it.each([
    ['closed', 2],
    ['silent', 1],
  ])('by being %s, it says so and tries again later and later', (how, misses) => {
    const it = following();
    const fail = () => (how === 'silent' ? it.clock.advance(4000) : it.socket().end());
    for (let miss = 1; miss < misses; miss += 1) {
      fail();
      expect(it.feed.info.state).toBe('connecting');
      it.clock.advance(500);
    }
    fail();
    expect(it.feed.info.state).toBe('blocked');
    const waits = [60_000, 120_000, 240_000, 480_000, 600_000, 600_000].map((most) => most * 0.75);
    for (const wait of waits) {
      expect((it.feed.info.nextTryAt ?? 0) - it.clock.now()).toBe(wait);
      it.clock.advance(wait);
      expect(it.feed.info.state).toBe('blocked');
      fail();
    }
  });

  it('goes live once one gets through', () => {
    const it = following();
    it.clock.advance(4000);
    expect(it.feed.info.state).toBe('blocked');
    it.clock.advance(45_000);
    it.socket().hello();
    it.socket().caughtUp(5);
    expect(it.feed.info.state).toBe('blocked');
    it.clock.advance(13_500);
    it.socket().say('heartbeat', { head: 5 });
    expect(it.feed.info).toMatchObject({ state: 'live', resumed: null });
  });

  it.each<[string, number, (socket: Socket, clock: FakeClock) => void]>([
    ['stall after the greeting', 1, (_, clock) => clock.advance(4000)],
    ['are closed after it', 2, (socket) => socket.end(1000)],
    ['cannot carry what there is', 1, (socket) => socket.end(1009)],
  ])('they %s, and it is asked by other means', (_, tries, goesWrong) => {
    const it = following();
    for (let miss = 0; miss < tries; miss += 1) {
      expect(it.feed.info.state).toBe('connecting');
      it.socket().hello(1, 2);
      goesWrong(it.socket(), it.clock);
      if (miss < tries - 1) it.clock.advance(500);
    }
    expect(it.feed.info.state).toBe('blocked');
  });

  it('they bring what there is and hold back the rest: it is not live, and then blocked', () => {
    const it = following();
    const holds = () => {
      it.socket().hello(1, 2);
      it.socket().caughtUp(5);
      it.clock.advance(4000);
      const { state } = it.feed.info;
      it.clock.advance(4000);
      return state;
    };
    expect(holds()).toBe('quiet');
    const waits: number[] = [];
    for (let trial = 0; trial < 3; trial += 1) {
      expect(it.feed.info).toMatchObject({ state: 'blocked', error: { code: 'held' } });
      waits.push((it.feed.info.nextTryAt ?? 0) - it.clock.now());
      it.clock.advance(waits.at(-1) ?? 0);
      expect(holds()).toBe('blocked');
    }
    expect(waits).toEqual([60_000, 120_000, 240_000].map((most) => most * 0.75));
  });

  it('it takes more to think so where one has worked', () => {
    const it = following();
    it.socket().hello();
    it.socket().caughtUp(5);
    it.socket().end();
    for (let miss = 0; miss < 3; miss += 1) {
      it.clock.advance(500);
      it.socket().end();
      expect(it.feed.info.state).toBe('reconnecting');
    }
    it.clock.advance(500);
    it.socket().end();
    expect(it.feed.info.state).toBe('blocked');
  });

  it('there is none at all in some places', () => {
    expect(following({}, null).feed.info.state).toBe('blocked');
  });
});
