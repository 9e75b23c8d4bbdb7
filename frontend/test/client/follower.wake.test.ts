import { describe, expect, it } from 'vitest';
import type { Platform } from '../../src/client';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { settle, until } from './fake/platform';

const OUTPUT = { type: 'step.output', step: 'x', data: { text: 'more\n' } };
const SLOWLY = { backoff: () => 60_000 };

describe('the network', () => {
  it('gone is told, and back means a try at once', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, SLOWLY);
    await it.to('live');
    fake.platform.signals.goOffline();
    expect(it.info).toMatchObject({ state: 'offline', error: { code: 'offline' } });
    fake.server.append(OUTPUT, OUTPUT);
    fake.platform.signals.goOnline();
    await it.to('live');
    expect(it.info).toMatchObject({ seq: 12, resumed: { from: 10, caughtUp: 2 } });
    expect(it.states.slice(-3)).toEqual(['offline', 'catching_up', 'live']);
  });

  it('said to be gone, but there, is found out', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, SLOWLY);
    await it.to('live');
    fake.platform.signals.goOffline();
    fake.platform.clock.advance(30_000);
    await it.to('live');
  });

  it('gone says nothing about the transports', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake);
    await it.to('live');
    fake.server.script = ({ nth }) => (nth < 20 ? { refused: true } : {});
    fake.platform.signals.goOffline();
    await it.to('live');
    expect(new Set(fake.server.transports)).toEqual(new Set(['WebSocket']));
  });

  it('back begins with the best transport that has worked', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, { backoff: (tries) => (tries < 8 ? 0 : 60_000) });
    await it.to('live');
    fake.server.script = () => ({ refused: true });
    fake.server.cut();
    await until(() => it.info.nextTryAt === fake.platform.clock.now() + 30_000);
    fake.server.script = () => ({});
    fake.platform.signals.goOnline();
    await it.to('live');
    expect(it.info.transport).toBe('WebSocket');
  });
});

describe('a page that is looked at again', () => {
  it('trusts a connection that has just spoken', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake);
    await it.to('live');
    fake.platform.clock.sleep(18_000);
    fake.platform.signals.wake();
    await settle();
    expect(fake.server.seen).toHaveLength(1);
  });

  it('makes a new connection after a sleep, and tells what it brought', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, SLOWLY);
    await it.to('live');
    fake.platform.clock.sleep(3_600_000);
    for (const _ of upTo(340)) fake.server.log.append(OUTPUT);
    fake.platform.signals.wake();
    await until(() => it.info.seq === 350 && it.info.state === 'live');
    expect(it.info.resumed).toMatchObject({ from: 10, caughtUp: 340 });
    expect(it.seqs).toEqual(upTo(350));
  });

  it('does not wait for the next try', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake, SLOWLY);
    await it.to('live');
    fake.server.cut();
    await it.to('reconnecting');
    fake.platform.signals.wake();
    await it.to('live');
  });
});

describe('stop', () => {
  it('closes everything, and start goes on from there', async () => {
    const fake = await serve(history(10, false));
    const it = following(fake);
    await it.to('live');
    it.follower.stop();
    expect(it.info.state).toBe('idle');
    expect(fake.platform.clock.pending).toEqual([]);
    expect(fake.platform.signals.watched).toBe(0);
    fake.server.append(OUTPUT, { type: 'job.succeeded' });
    await settle();
    expect(it.info.seq).toBe(10);
    it.follower.start();
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(12));
  });

  it('within a listener is obeyed at once', async () => {
    const fake = await serve(history(30));
    const it = following(fake, { start: false });
    it.follower.on('events', () => it.follower.stop());
    it.follower.start();
    await it.to('idle');
    await until(() => it.seqs.length > 0);
    await settle();
    expect(it.info.state).toBe('idle');
    expect(it.seqs).toEqual(upTo(7));
  });

  it('before the start leaves it idle', async () => {
    const fake = await serve(history(3));
    const it = following(fake, { start: false });
    it.follower.stop();
    expect(it.info).toMatchObject({ state: 'idle', seq: 0, transport: null });
    expect(fake.server.seen).toEqual([]);
  });
});

function limitOf(url: string): number {
  return Number(new URL(url, 'http://fake').searchParams.get('limit'));
}

/** Return a body that comes in ten parts, `pause` being called before each. */
function dripping(text: string, pause: () => void): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const size = Math.ceil(bytes.length / 10);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      pause();
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at + size));
      else controller.close();
      at += size;
    },
  });
}

describe('a long poll', () => {
  const transports = ['long poll'] as const;

  it('asks for few events first, and for twice as many while they come quickly', async () => {
    const fake = await serve(history(3000));
    fake.server.script = ({ url }) => ({ rotate: limitOf(url) });
    const it = following(fake, { transports });
    await it.to('ended');
    const limits = fake.server.seen.map(({ url }) => limitOf(url));
    expect(limits).toEqual([32, 64, 128, 256, 512, 1000, 1000, 1000]);
    expect(it.seqs).toEqual(upTo(3000));
  });

  it('asks for fewer where they come slowly, and takes the bytes for life', async () => {
    const fake = await serve(history(200));
    fake.server.script = ({ url }) => ({ rotate: limitOf(url) });
    const fetch: Platform['fetch'] = async (url, init) => {
      const text = await (await globalThis.fetch(url, init)).text();
      const slow = fake.server.seen.length <= 3;
      const body = dripping(text, () => fake.platform.clock.advance(slow ? 620 : 0));
      return new Response(body, { headers: { 'Content-Type': 'application/json' } });
    };
    const platform = { ...fake.platform, fetch };
    const it = following(fake, { transports, platform });
    await it.to('ended');
    const limits = fake.server.seen.map(({ url }) => limitOf(url));
    expect(limits.slice(0, 6)).toEqual([32, 16, 8, 4, 8, 16]);
    expect(it.info).toMatchObject({ error: null, seq: 200 });
  });

  it('asks over the connection that brought the answer before', async () => {
    const fake = await serve(history(3000));
    const it = following(fake, { transports });
    await it.to('ended');
    expect(fake.server.seen.length).toBeGreaterThan(2);
    expect(fake.server.opened).toBe(1);
  });

  it('keeps what is whole of an answer that is cut off', async () => {
    const fake = await serve(history(30));
    fake.server.script = ({ nth }) => (nth < 2 ? { cutAfter: 3000 } : {});
    const it = following(fake, { transports, raw: true });
    await it.to('ended');
    const [first, second, third] = fake.server.seen.map(({ after }) => Number.parseInt(after, 10));
    expect(first).toBe(0);
    expect(second).toBeGreaterThan(0);
    expect(third).toBeGreaterThan(second ?? 30);
    expect(it.events.map(({ raw }) => raw)).toEqual(fake.server.log.texts);
  });

  it('asks for shorter waits where something on the way is impatient', async () => {
    const fake = await serve(history(3, false));
    fake.server.script = ({ wait }) => (wait > 4 ? { answer: { status: 504 } } : {});
    const it = following(fake, { transports });
    await until(() => fake.server.seen.length === 5);
    expect(fake.server.seen.map(({ wait }) => wait)).toEqual([0, 25, 12, 6, 3]);
    fake.server.append(OUTPUT, { type: 'job.succeeded' });
    await it.to('ended');
    expect(it.info).toMatchObject({ seq: 5, error: null });
  });

  it('asks every two seconds where no answer may be held at all', async () => {
    const fake = await serve(history(3, false));
    fake.server.script = ({ wait }) => (wait > 0 ? { answer: { status: 502 } } : {});
    const it = following(fake, { transports });
    await until(() => fake.platform.clock.pending.includes(2000));
    const asked = fake.server.seen.length;
    fake.server.append({ type: 'job.succeeded' });
    await settle();
    expect(fake.server.seen).toHaveLength(asked);
    fake.platform.clock.advance(2000);
    await it.to('ended');
    expect(fake.server.seen).toHaveLength(asked + 1);
  });
});
