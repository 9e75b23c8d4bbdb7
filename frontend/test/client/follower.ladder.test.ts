import { describe, expect, it } from 'vitest';
import { blocks } from './fake/behaviour';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { settle, until } from './fake/platform';

const FIRST_FRAME = 4000;
const OUTPUT = { type: 'step.output', step: 'x', data: { text: 'more\n' } };

describe('going down the ladder', () => {
  it('leaves a WebSocket that is opened and then says nothing', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(['WebSocket', 'silent']);
    const it = following(fake);
    await until(() => fake.server.seen.length === 1);
    await settle();
    fake.platform.clock.advance(FIRST_FRAME - 1);
    expect(fake.server.transports).toEqual(['WebSocket']);
    fake.platform.clock.advance(1);
    await it.to('live');
    expect(fake.server.transports).toEqual(['WebSocket', 'SSE']);
    expect(it.info.transport).toBe('SSE');
    expect(it.info.error?.code).toBe('no_first_frame');
  });

  it('leaves a WebSocket that fails twice', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(['WebSocket', 'refused']);
    const it = following(fake);
    await it.to('live');
    expect(fake.server.transports).toEqual(['WebSocket', 'WebSocket', 'SSE']);
    expect(it.states).toEqual(['connecting', 'catching_up', 'live']);
  });

  it.each([
    [[['SSE', 'held']], 'octet stream'],
    [
      [
        ['SSE', 'held'],
        ['octet stream', 'held'],
      ],
      'long poll',
    ],
    [
      [
        ['SSE', 'silent'],
        ['octet stream', 'refused'],
      ],
      'long poll',
    ],
  ] as const)('passes what holds %j over %s', async (ways, reached) => {
    const fake = await serve(history(10, false));
    fake.server.script = blocks(...ways);
    const it = following(fake, { transports: ['SSE', 'octet stream', 'long poll'] });
    for (const [name, way] of ways) {
      await until(() => fake.server.transports.at(-1) === name);
      if (way !== 'refused') fake.platform.clock.advance(FIRST_FRAME);
    }
    await it.to('live');
    expect(it.info.transport).toBe(reached);
    fake.server.append(OUTPUT, { type: 'job.succeeded' });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(12));
  });

  it('leaves a stream that stops before it has caught up: something holds the rest back', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = ({ transport, nth }) => {
      if (transport === 'long poll') return {};
      return transport === 'SSE' && nth === 0 ? { stallsAfter: 6 } : { held: true };
    };
    const it = following(fake, { transports: ['SSE', 'octet stream', 'long poll'] });
    await until(() => it.info.seq === 6);
    fake.platform.clock.advance(FIRST_FRAME - 1);
    expect(it.info.state).toBe('catching_up');
    fake.platform.clock.advance(1);
    expect(it.info.error?.code).toBe('held');
    for (const tries of [2, 3]) {
      await until(() => fake.server.seen.length === tries);
      fake.platform.clock.advance(FIRST_FRAME);
    }
    await it.to('live');
    expect(fake.server.transports).toEqual(['SSE', 'SSE', 'octet stream', 'long poll']);
    expect(it.seqs).toEqual(upTo(10));
  });

  it.each(['WebSocket', 'SSE', 'octet stream'] as const)(
    'leaves a %s that gives no more than its first frame',
    async (name) => {
      const fake = await serve(history(10, false));
      const stalls = { stallsAfter: 0, hello: { heartbeat_s: 2 } };
      fake.server.script = ({ transport }) => (transport === name ? stalls : {});
      const it = following(fake, { transports: [name, 'long poll'] });
      await it.to('catching_up');
      fake.platform.clock.advance(FIRST_FRAME - 1);
      expect(it.info.state).toBe('catching_up');
      fake.platform.clock.advance(1);
      expect(it.info.error?.code).toBe('held');
      await it.to('live');
      expect(fake.server.transports).toEqual([name, 'long poll']);
    },
  );

  it.each([
    ['WebSocket', { error: { close: 1000 } }],
    ['WebSocket', { error: { close: 1011 } }],
    ['SSE', { rotate: 0 }],
    ['octet stream', { rotate: 0 }],
  ] as const)(
    'leaves a %s that ends (%j) with nothing new, after two of them',
    async (name, does) => {
      const fake = await serve(history(10, false));
      fake.server.script = ({ transport }) => (transport === name ? does : {});
      const it = following(fake, { transports: [name, 'long poll'] });
      await it.to('live');
      expect(fake.server.transports.slice(0, 3)).toEqual([name, name, 'long poll']);
    },
  );

  it('leaves a WebSocket that cannot carry large messages, though it brings some', async () => {
    const fake = await serve(history(40));
    const tooBig = { error: { after: 9, close: 1009 } };
    fake.server.script = ({ transport }) => (transport === 'WebSocket' ? tooBig : {});
    const it = following(fake);
    await it.to('ended');
    expect(fake.server.transports).toEqual(['WebSocket', 'WebSocket', 'SSE']);
    expect(fake.server.seen.at(-1)?.after).toBe(fake.server.log.cursor(18));
    expect(it.info.error?.code).toBe('message_too_big');
    expect(it.seqs).toEqual(upTo(40));
  });

  it.each([
    ['SSE', { rotate: 2 }],
    ['WebSocket', { error: { after: 2, close: 1006 - 5 } }],
  ] as const)('leaves a %s that is cut (%j) with a little each time', async (name, does) => {
    const fake = await serve(history(40, false));
    fake.server.script = ({ transport }) => (transport === name ? does : {});
    const it = following(fake, { transports: [name, 'long poll'] });
    await it.to('live');
    expect(fake.server.transports.slice(0, 5)).toEqual([name, name, name, name, 'long poll']);
    expect(it.seqs).toEqual(upTo(40));
  });

  it('leaves streams that hold back what comes after all is here, and says so before', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = () => ({ hello: { heartbeat_s: 2 } });
    const it = following(fake, { transports: ['SSE', 'octet stream', 'long poll'] });
    for (const tries of [1, 2]) {
      await until(() => fake.server.seen.length === tries && it.info.state === 'live');
      fake.platform.clock.advance(4000);
      expect(it.info.state).toBe('quiet');
      fake.platform.clock.advance(4000);
      expect(it.info.error?.code).toBe('held');
    }
    await it.to('live');
    expect(fake.server.transports.slice(0, 3)).toEqual(['SSE', 'octet stream', 'long poll']);
    fake.platform.clock.advance(20_000);
    expect(it.info).toMatchObject({ state: 'live', transport: 'long poll' });
  });

  it('tries one that has held nothing back before once more', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = () => ({ hello: { heartbeat_s: 2 } });
    const it = following(fake, { transports: ['SSE', 'long poll'] });
    await it.to('live');
    fake.platform.clock.advance(1800);
    fake.server.say('heartbeat', { head: 11 });
    await until(() => it.info.head === 11);
    for (const tries of [1, 2, 3]) {
      await until(() => fake.server.seen.length === tries && it.info.state === 'live');
      fake.platform.clock.advance(8000);
      expect(it.info.error?.code).toBe(tries === 1 ? 'silent' : 'held');
    }
    await it.to('live');
    expect(fake.server.transports.slice(0, 4)).toEqual(['SSE', 'SSE', 'SSE', 'long poll']);
  });

  it('does not hold it against a stream that the page was asleep', async () => {
    const fake = await serve(history(10, false));
    fake.server.script = () => ({ stallsAfter: 6 });
    const it = following(fake, { transports: ['SSE', 'long poll'] });
    await until(() => it.info.seq === 6);
    fake.platform.clock.sleep(60_000);
    fake.platform.clock.advance(FIRST_FRAME - 1);
    expect(it.info.state).toBe('catching_up');
    fake.platform.clock.advance(1);
    expect(it.info.error?.code).toBe('held');
  });

  it('does not take a page with status 200 for a stream', async () => {
    const fake = await serve(history(10, false));
    const headers = { 'Content-Type': 'text/html' };
    fake.server.script = ({ transport }) =>
      transport === 'long poll' ? {} : { answer: { status: 200, headers, body: '<p>Sign in</p>' } };
    const it = following(fake, { transports: ['SSE', 'octet stream', 'long poll'] });
    await it.to('live');
    expect(it.info.transport).toBe('long poll');
    expect(it.info.error?.code).toBe('wrong_type');
  });

  it('takes a bare 403 for a proxy, and the next transport', async () => {
    const fake = await serve(history(3));
    fake.server.script = ({ transport }) =>
      transport === 'SSE' ? { answer: { status: 403 } } : {};
    const it = following(fake, { transports: ['SSE', 'octet stream'] });
    await it.to('ended');
    expect(it.info.transport).toBe('octet stream');
  });

  it('begins again at the top, with more patience, where nothing works', async () => {
    const fake = await serve(history(3, false));
    fake.server.script = () => ({ silent: true });
    const it = following(fake, { transports: ['WebSocket', 'SSE'] });
    let tries = 0;
    for (const patience of [4000, 4000, 8000, 8000, 16_000, 16_000, 30_000, 30_000, 30_000]) {
      tries += 1;
      await until(() => fake.server.seen.length === tries);
      expect(fake.platform.clock.pending).toEqual([patience]);
      fake.platform.clock.advance(patience);
    }
    expect(fake.server.transports.slice(0, 4)).toEqual(['WebSocket', 'SSE', 'WebSocket', 'SSE']);
    await until(() => fake.server.seen.length === tries + 1);
    fake.server.script = () => ({});
    fake.platform.clock.advance(30_000);
    await it.to('live');
  });

  it('stays longer with a transport that has worked', async () => {
    const fake = await serve(history(3, false));
    const it = following(fake);
    await it.to('live');
    fake.server.script = ({ nth }) => (nth < 4 ? { refused: true } : {});
    fake.server.cut();
    await until(() => fake.server.seen.length === 5 && it.info.state === 'live');
    expect(new Set(fake.server.transports)).toEqual(new Set(['WebSocket']));
  });

  it('starts at SSE where there is no WebSocket, or where a token must be sent', async () => {
    const fake = await serve(history(3));
    const bare = { ...fake.platform, WebSocket: undefined };
    await following(fake, { platform: bare }).to('ended');
    await following(fake, { token: 'secret' }).to('ended');
    expect(fake.server.transports).toEqual(['SSE', 'SSE']);
    expect(fake.server.seen[1]?.headers.authorization).toBe('Bearer secret');
  });
});
