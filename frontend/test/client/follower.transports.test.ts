import { describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../../src/client';
import { following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { until } from './fake/platform';
import { seeded } from './fake/random';

describe.each(TRANSPORTS)('over %s', (transport) => {
  const transports = [transport];

  it('gets a finished job from the start to its end', async () => {
    const fake = await serve(history(25));
    const it = following(fake, { transports });
    await it.to('ended');
    expect(it.events).toEqual(fake.server.log.events);
    expect(it.info).toMatchObject({
      transport,
      seq: 25,
      head: 25,
      status: 'succeeded',
      error: null,
    });
    expect(it.states).toEqual(['connecting', 'catching_up', 'live', 'ended']);
    expect(it.info.cursor).toBe(fake.server.log.cursor(25));
  });

  it('gets what comes while it is live, and ends with the job', async () => {
    const fake = await serve(history(5, false));
    const it = following(fake, { transports });
    await it.to('live');
    expect(it.seqs).toEqual(upTo(5));
    fake.server.append({ type: 'job.progressed', data: { done: 1 } });
    await until(() => it.info.seq === 6);
    fake.server.append({ type: 'job.failed', data: { message: 'no' } });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(7));
    expect(it.info.status).toBe('failed');
  });

  it('begins after a cursor and tells that as a resume', async () => {
    const fake = await serve(history(30));
    const it = following(fake, { transports, after: fake.server.log.cursor(12) });
    await it.to('ended');
    expect(it.seqs).toEqual(upTo(30).slice(12));
    const at = fake.platform.clock.now();
    expect(it.info.resumed).toEqual({ from: 12, caughtUp: 18, at });
  });

  it('comes with the terminal event as its cursor and ends at once', async () => {
    const fake = await serve(history(9));
    const it = following(fake, { transports, after: fake.server.log.cursor(9) });
    await it.to('ended');
    expect(it.seqs).toEqual([]);
  });

  it('keeps the exact texts where asked to', async () => {
    const fake = await serve(history(9));
    const it = following(fake, { transports, raw: true });
    await it.to('ended');
    expect(it.events.map(({ raw }) => raw)).toEqual(fake.server.log.texts);
  });

  it.each(upTo(12))('gets every event once, cut anywhere (seed %i)', async (seed) => {
    const random = seeded(seed);
    const fake = await serve(history(60));
    let cuts = 0;
    fake.server.script = () => {
      cuts += 1;
      const rotate = random() < 0.5 ? {} : { rotate: 1 + Math.floor(random() * 12) };
      const cutAfter = Math.floor(random() * 6000);
      return cuts > 15 ? {} : { cutAfter, batch: 1 + (cuts % 9), ...rotate };
    };
    const it = following(fake, { transports });
    await it.to('ended');
    expect(it.events).toEqual(fake.server.log.events);
    expect(it.info).toMatchObject({ duplicates: 0, gaps: 0, status: 'succeeded' });
  });
});

it('gets every event once over the whole ladder, cut anywhere', async () => {
  const random = seeded(99);
  const fake = await serve(history(40, false));
  fake.server.script = () => (random() < 0.8 ? { cutAfter: Math.floor(random() * 8000) } : {});
  const it = following(fake);
  for (let round = 0; round < 40; round += 1) {
    fake.server.append({ type: 'step.output', step: 'x', data: { text: `${round}\n` } });
    await until(() => it.info.seq >= fake.server.log.head - 3);
  }
  fake.server.script = () => ({});
  fake.server.append({ type: 'job.cancelled', data: { message: 'stopped' } });
  await it.to('ended');
  expect(it.events).toEqual(fake.server.log.events);
});
