import { describe, expect, it } from 'vitest';
import { type FollowerInfo, TRANSPORTS } from '../../src/client';
import type { Behaviour } from './fake/behaviour';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { settle, until } from './fake/platform';

/** An `application/problem+json` answer. */
function problem(status: number, code: string, more: Record<string, unknown> = {}): Behaviour {
  const headers = { 'Content-Type': 'application/problem+json' };
  const body = JSON.stringify({
    type: 'about:blank',
    status,
    code,
    detail: `It is ${code}.`,
    ...more,
  });
  return { answer: { status, headers, body } };
}

/** A refusal that may be tried again, as the service gives it whatever type was asked for. */
function asEventStream(code: string, retry_after_s: number): Behaviour {
  const headers = { 'Content-Type': 'text/event-stream; charset=utf-8' };
  const data = JSON.stringify({ kind: 'error', code, message: 'Later.', retry_after_s });
  return { answer: { status: 200, headers, body: `event: stream-error\ndata: ${data}\n\n` } };
}

const FINAL = [
  ['bad_cursor', 400, 4500],
  ['not_signed_in', 401, 4501],
  ['forbidden', 403, 4503],
  ['not_found', 404, 4504],
  ['cursor_ahead', 409, 4509],
  ['history_diverged', 409, 4510],
  ['history_expired', 410, 4510],
] as const;

describe.each(FINAL)('%s', (code, status, close) => {
  it.each(TRANSPORTS)('over %s is final', async (transport) => {
    const fake = await serve(history(9));
    const error = { code, message: `It is ${code}.`, close };
    fake.server.script = () => (transport === 'WebSocket' ? { error } : problem(status, code));
    const it = following(fake, { transports: [transport] });
    await it.to('failed');
    expect(it.info.error).toMatchObject({ code, message: `It is ${code}.` });
    await settle();
    expect(fake.server.seen).toHaveLength(1);
    expect(fake.platform.clock.pending).toEqual([]);
  });
});

describe('a refusal', () => {
  it.each([
    [4500, 'bad_request'],
    [4501, 'not_signed_in'],
    [4509, 'cursor_ahead'],
    [4777, 'close_4777'],
  ])('by close code %i alone is %s', async (close, code) => {
    const fake = await serve(history(9));
    fake.server.script = () => ({ error: { close } });
    const it = following(fake, { transports: ['WebSocket'] });
    await it.to('failed');
    expect(it.info.error?.code).toBe(code);
  });

  it.each(['SSE', 'WebSocket'] as const)('in mid-stream over %s is final', async (transport) => {
    const fake = await serve(history(9));
    const message = 'Your session has ended.';
    fake.server.script = () => ({
      error: { after: 5, code: 'not_signed_in', message, close: 4501 },
    });
    const it = following(fake, { transports: [transport] });
    await it.to('failed');
    expect(it.seqs).toEqual(upTo(5));
    expect(it.info.error).toMatchObject({ code: 'not_signed_in', message });
  });

  it('of a protocol that is not spoken is final', async () => {
    const fake = await serve(history(9));
    fake.server.script = () => ({ hello: { protocol: 2 } });
    const it = following(fake);
    await it.to('failed');
    expect(it.info.error?.code).toBe('unsupported_protocol');
  });

  it('can be followed by another start, with the same cursor', async () => {
    const fake = await serve(history(9));
    fake.server.script = ({ nth }) => (nth === 0 ? { error: { after: 5, close: 4501 } } : {});
    const it = following(fake);
    await it.to('failed');
    it.follower.start();
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(9));
  });
});

describe('another history', () => {
  it.each(['cursor_ahead', 'history_diverged'])('(%s) is told from the start', async (code) => {
    const fake = await serve(history(9, false));
    fake.server.script = ({ after }) => (after === '40' ? { error: { code, close: 4509 } } : {});
    const it = following(fake, { after: 40, restart: true });
    await it.to('live');
    expect(it.resets).toBe(1);
    expect(it.seqs).toEqual(upTo(9));
    expect(it.info).toMatchObject({ resumed: null, error: { code } });
  });

  it('ends in failure where it is not wanted', async () => {
    const fake = await serve(history(9, false));
    fake.server.script = () => problem(409, 'cursor_ahead');
    const it = following(fake, { after: 40, transports: ['long poll'] });
    await it.to('failed');
    expect(it.resets).toBe(0);
    fake.server.script = () => ({});
    it.follower.restart();
    await it.to('live');
    expect(it.seqs).toEqual(upTo(9));
    expect(it.resets).toBe(1);
  });
});

describe('a server that is busy', () => {
  /** Wait until the follower waits; return for how long. */
  async function wait(it: { info: FollowerInfo }, now: () => number): Promise<number> {
    await until(() => it.info.nextTryAt !== null);
    return (it.info.nextTryAt ?? 0) - now();
  }

  it.each([
    ['WebSocket', { error: { code: 'over_limit', retry_after_s: 7, close: 4003 } }, 7000],
    ['SSE', { error: { code: 'over_limit', retry_after_s: 7, close: 4003 } }, 7000],
    ['octet stream', asEventStream('over_limit', 8), 8000],
    ['SSE', problem(429, 'over_limit', { retry_after_s: 9 }), 9000],
    ['long poll', problem(503, 'going_down', { retry_after_s: 3 }), 3000],
    ['octet stream', { answer: { status: 503, headers: { 'Retry-After': '11' } } }, 11_000],
  ] as const)('over %s (%j) is left alone as long as it says', async (transport, does, ms) => {
    const fake = await serve(history(9, false));
    fake.server.script = ({ nth }) => (nth === 0 ? does : {});
    const it = following(fake, { transports: [transport] });
    expect(await wait(it, () => fake.platform.clock.now())).toBe(ms);
    fake.platform.signals.wake();
    await settle();
    expect(fake.server.seen).toHaveLength(1);
    fake.platform.clock.advance(ms);
    await it.to('live');
  });

  it.each([0, 5, -5])('says until when, to a machine whose clock is %i h off', async (hours) => {
    const fake = await serve(history(9, false));
    const said = fake.platform.clock.now() + hours * 3_600_000;
    const dates = { Date: new Date(said), 'Retry-After': new Date(said + 5000) };
    const headers = Object.entries(dates).map(([name, date]) => [name, date.toUTCString()]);
    fake.server.script = () => ({ answer: { status: 503, headers: Object.fromEntries(headers) } });
    const it = following(fake, { transports: ['SSE'] });
    expect(await wait(it, () => fake.platform.clock.now())).toBe(5000);
  });

  it('is no reason to go down the ladder', async () => {
    const fake = await serve(history(9, false));
    const error = { code: 'going_down', close: 4000 };
    fake.server.script = ({ nth }) => (nth < 6 ? { error } : {});
    const it = following(fake);
    await it.to('live');
    expect(new Set(fake.server.transports)).toEqual(new Set(['WebSocket']));
  });

  it('sets the first wait by retry:', async () => {
    const fake = await serve(history(9, false));
    fake.server.script = () => ({ error: { code: 'going_down', close: 4000, retry: 2500 } });
    const it = following(fake, { transports: ['SSE'], backoff: (_, base) => base });
    expect(await wait(it, () => fake.platform.clock.now())).toBe(1250);
  });
});

describe('the end', () => {
  it('is a 204 too', async () => {
    const fake = await serve(history(9));
    fake.server.script = () => ({ answer: { status: 204 } });
    const it = following(fake, { transports: ['SSE'], after: 9 });
    await it.to('ended');
    expect(it.info.status).toBeNull();
  });

  it('leaves nothing behind', async () => {
    const fake = await serve(history(9));
    const it = following(fake);
    await it.to('ended');
    expect(fake.platform.clock.pending).toEqual([]);
    expect(fake.platform.signals.watched).toBe(0);
  });
});
