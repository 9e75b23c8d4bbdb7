import { describe, expect, it } from 'vitest';
import { following } from './fake/feed';

describe('a refusal', () => {
  it.each([
    ['cursor_ahead', 4509],
    ['history_diverged', 4510],
  ])('%s says that the list must be read anew', (code, close) => {
    const it = following();
    it.socket().refuse(code, close);
    expect([it.stale(), it.feed.info.state]).toEqual([1, 'idle']);
    it.feed.start(3);
    expect(it.socket().after).toBe('3');
  });

  it('that is final is told, and asked again only where somebody wants it', () => {
    const it = following();
    it.socket().refuse('forbidden', 4503);
    expect(it.feed.info).toMatchObject({ state: 'failed', error: { message: 'no: forbidden' } });
    it.clock.advance(1_000_000);
    expect(it.sockets).toHaveLength(1);
    it.feed.tryNow();
    expect(it.socket().after).toBe('5');
  });

  it('of a protocol that is not ours is final', () => {
    const it = following();
    it.socket().hello(2);
    expect(it.feed.info).toMatchObject({
      state: 'failed',
      error: { code: 'unsupported_protocol' },
    });
  });
});

describe('the network', () => {
  it('gone is told, and back means a try at once', () => {
    const it = following();
    it.socket().hello();
    it.socket().caughtUp(5);
    it.signals.goOffline();
    expect(it.feed.info.state).toBe('offline');
    it.signals.goOnline();
    expect(it.sockets).toHaveLength(2);
  });

  it('gone says nothing about WebSockets', () => {
    const it = following();
    it.signals.isOnline = false;
    for (let miss = 0; miss < 5; miss += 1) {
      it.socket().end();
      it.clock.advance(500);
    }
    expect(it.states).toEqual(['connecting', 'offline']);
  });

  it('a connection is not trusted after a long sleep', () => {
    const it = following();
    it.socket().hello();
    it.socket().caughtUp(5);
    it.signals.wake();
    expect(it.sockets).toHaveLength(1);
    it.clock.sleep(3_600_000);
    it.signals.wake();
    it.clock.advance(0);
    expect(it.feed.info.error?.code).toBe('stale');
  });
});
