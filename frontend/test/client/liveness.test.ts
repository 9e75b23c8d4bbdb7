import { describe, expect, it } from 'vitest';
import { Liveness } from '../../src/client/liveness';

const FIRST_FRAME = 4000;

describe('the silence of a connection', () => {
  it('is measured by bytes before the first frame too, unless they drip', () => {
    const slow = new Liveness(0, FIRST_FRAME, true);
    const drips = new Liveness(0, FIRST_FRAME, true);
    for (let now = 1000; now < 60_000; now += 1000) {
      slow.onBytes(2000, now);
      drips.onBytes(1, now);
      expect(slow.deadline).toBe(now + FIRST_FRAME);
      expect(drips.deadline).toBeLessThan(FIRST_FRAME + 150);
    }
  });

  it.each([true, false])('may be short until everything is here (flowing: %j)', (flowing) => {
    const liveness = new Liveness(0, FIRST_FRAME, flowing);
    liveness.onFrame(100);
    liveness.onHello(2);
    expect(liveness.maxSilence).toBe(FIRST_FRAME);
    liveness.onFrame(200);
    liveness.onCaughtUp(200);
    expect([liveness.maxSilence, liveness.quietAt]).toEqual([8000, 4200]);
    liveness.onFellBehind();
    expect([liveness.maxSilence, liveness.quietAt]).toEqual([
      FIRST_FRAME,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('may be longer the slower whole frames come, each twice as large as the one before', () => {
    const liveness = new Liveness(0, FIRST_FRAME, false);
    liveness.onFrame(1000);
    liveness.onHello(2);
    let now = 1000;
    for (const ms of [2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]) {
      now += ms;
      expect(liveness.deadline).toBeGreaterThan(now);
      liveness.onFrame(now);
    }
  });

  it('may be longer still where the larger frame met losses on its way', () => {
    const liveness = new Liveness(0, FIRST_FRAME, false);
    liveness.onFrame(0);
    liveness.onHello(2);
    let now = 0;
    for (const ms of [3000, 14_000, 69_000]) {
      now += ms;
      expect(liveness.deadline).toBeGreaterThan(now);
      liveness.onFrame(now);
    }
  });

  it('of a machine that slept shows no slow line', () => {
    const liveness = new Liveness(0, FIRST_FRAME, false);
    liveness.onFrame(0);
    liveness.onHello(2);
    liveness.onCaughtUp(0);
    liveness.onFrame(3_600_000);
    expect(liveness.maxSilence).toBe(8000);
  });

  it('once something has come by itself, is nobody holding it back', () => {
    const liveness = new Liveness(0, FIRST_FRAME, true);
    liveness.onFrame(0);
    liveness.onHello(2);
    liveness.onCaughtUp(100);
    liveness.onFrame(1699);
    expect(liveness.isProved).toBe(false);
    liveness.onFrame(1700);
    expect(liveness.isProved).toBe(true);
  });

  it.each([0, -1, undefined, null, 'often'])('is given 15 s a heartbeat for %j', (said) => {
    const liveness = new Liveness(0, FIRST_FRAME, false);
    liveness.onFrame(0);
    liveness.onHello(said);
    liveness.onCaughtUp(0);
    expect(liveness.maxSilence).toBe(37_500);
  });
});
