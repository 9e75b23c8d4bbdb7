import { describe, expect, it } from 'vitest';
import { Silence } from '../../src/client/silence';

const FIRST_FRAME = 4000;

describe('the silence of a connection', () => {
  it('is measured by bytes before the first frame too, unless they drip', () => {
    const slow = new Silence(0, FIRST_FRAME, true);
    const drips = new Silence(0, FIRST_FRAME, true);
    for (let now = 1000; now < 60_000; now += 1000) {
      slow.bytes(2000, now);
      drips.bytes(1, now);
      expect(slow.deadline).toBe(now + FIRST_FRAME);
      expect(drips.deadline).toBeLessThan(FIRST_FRAME + 150);
    }
  });

  it.each([true, false])('may be short until everything is here (flowing: %j)', (flowing) => {
    const silence = new Silence(0, FIRST_FRAME, flowing);
    silence.frame(100);
    silence.greeted(2);
    expect(silence.limit).toBe(FIRST_FRAME);
    silence.frame(200);
    silence.caughtUp(200);
    expect([silence.limit, silence.quietAt]).toEqual([8000, 4200]);
    silence.fellBehind();
    expect([silence.limit, silence.quietAt]).toEqual([FIRST_FRAME, Number.POSITIVE_INFINITY]);
  });

  it('may be longer the slower whole frames come, each twice as large as the one before', () => {
    const silence = new Silence(0, FIRST_FRAME, false);
    silence.frame(1000);
    silence.greeted(2);
    let now = 1000;
    for (const ms of [2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]) {
      now += ms;
      expect(silence.deadline).toBeGreaterThan(now);
      silence.frame(now);
    }
  });

  it('may be longer still where the larger frame met losses on its way', () => {
    const silence = new Silence(0, FIRST_FRAME, false);
    silence.frame(0);
    silence.greeted(2);
    let now = 0;
    for (const ms of [3000, 14_000, 69_000]) {
      now += ms;
      expect(silence.deadline).toBeGreaterThan(now);
      silence.frame(now);
    }
  });

  it('of a machine that slept shows no slow line', () => {
    const silence = new Silence(0, FIRST_FRAME, false);
    silence.frame(0);
    silence.greeted(2);
    silence.caughtUp(0);
    silence.frame(3_600_000);
    expect(silence.limit).toBe(8000);
  });

  it('once something has come by itself, is nobody holding it back', () => {
    const silence = new Silence(0, FIRST_FRAME, true);
    silence.frame(0);
    silence.greeted(2);
    silence.caughtUp(100);
    silence.frame(1699);
    expect(silence.proved).toBe(false);
    silence.frame(1700);
    expect(silence.proved).toBe(true);
  });

  it.each([0, -1, undefined, null, 'often'])('is given 15 s a heartbeat for %j', (said) => {
    const silence = new Silence(0, FIRST_FRAME, false);
    silence.frame(0);
    silence.greeted(said);
    silence.caughtUp(0);
    expect(silence.limit).toBe(37_500);
  });
});
