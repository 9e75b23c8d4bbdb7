import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCurrent } from '../../src/elements/connection-line';
import { ServerClock } from '../../src/elements/server-clock';

const START = Date.parse('2026-11-22T09:00:00Z');
const HOUR = 3_600_000;

/** A server, a reader whose clock is `skew` ms off, and what goes between them. */
class World {
  ms = 1000;
  skew: number;
  readonly clock: ServerClock;

  constructor(skew = 0) {
    this.skew = skew;
    this.clock = new ServerClock(
      () => this.ms,
      () => this.server + this.skew,
    );
  }

  get server(): number {
    return START + this.ms;
  }

  /** The server says what its clock says; it is heard `lag` ms later. */
  say(lag = 0): this {
    const said = new Date(this.server).toISOString();
    this.ms += lag;
    this.clock.sync(said);
    return this;
  }

  /** How far the page's clock is from the server's. */
  get error(): number {
    return Math.round(this.clock.displayTime() - this.server);
  }
}

describe('the server’s clock', () => {
  it('is the reader’s own before it is known', () => {
    const world = new World(-HOUR);
    expect(world.error).toBe(-HOUR);
    world.say();
    expect(world.error).toBe(0);
  });

  it('is counted by whatever the reader’s clock says, then and later', () => {
    const lag = fc.integer({ min: 0, max: 4000 });
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.tuple(lag, fc.nat(60_000)), { minLength: 1 }),
        (skew, all) => {
          const world = new World(skew);
          for (const [late, pause] of all) {
            world.say(late);
            world.skew += pause; // and it is set meanwhile
            world.ms += pause;
          }
          const best = Math.min(...all.map(([late]) => late));
          expect(world.error + best).toBe(0);
        },
      ),
    );
  });

  it('is put right where it was set back, or the monotonic clock slept', () => {
    const world = new World().say();
    world.clock.sync(new Date(world.server - HOUR).toISOString());
    expect(world.error).toBe(-HOUR);
    world.say();
    expect(world.error).toBe(0);
  });

  it('is not before what has happened', () => {
    const world = new World().say(3000);
    world.clock.ensureNotBefore(new Date(world.server - 1000).toISOString());
    expect(world.error).toBe(-1000);
    world.clock.ensureNotBefore(new Date(world.server - HOUR).toISOString());
    expect(world.error).toBe(-1000);
  });

  it('takes no notice of what is no time', () => {
    const world = new World().say();
    for (const said of ['', 'soon', null, undefined]) world.clock.sync(said);
    expect(world.error).toBe(0);
  });

  it('stands still at what was last known to be so, and goes on', () => {
    const world = new World(5 * HOUR).say();
    expect(world.clock.frozenAt).toBeNull();
    world.clock.markCurrent();
    const confirmed = world.server;
    world.ms += 12_000;
    world.clock.freeze();
    world.ms += HOUR;
    world.clock.markCurrent(); // what comes before all has come changes nothing
    world.clock.freeze();
    expect(world.clock.frozenAt).toBe(confirmed);
    expect(world.clock.displayTime()).toBe(confirmed);
    world.clock.resume();
    expect([world.clock.frozenAt, world.error]).toEqual([null, 0]);
  });

  it('says when something was that the reader’s own clock has timed', () => {
    const world = new World(-5 * HOUR).say();
    expect(world.clock.fromLocal(world.server + world.skew - 250)).toBe(world.server - 250);
  });
});

describe('what a page shows', () => {
  const error = { code: 'network', message: '', at: 0 };

  it.each([
    ['live', error, true],
    ['ended', null, true],
    ['blocked', error, true],
    ['connecting', null, null],
    ['catching_up', error, null],
    ['connecting', error, false],
    ['reconnecting', error, false],
    ['offline', error, false],
    ['failed', error, false],
    ['quiet', null, false],
  ] as const)('while it is %s (%j) is current: %s', (state, trouble, current) => {
    expect(isCurrent({ state, error: trouble, nextTryAt: null })).toBe(current);
  });
});

describe('a page that shows a past moment', () => {
  it('shows that time until it is back at now', () => {
    const world = new World();
    world.say();
    world.clock.showPast('2026-11-22T08:30:00Z');
    world.ms += HOUR;
    expect(world.clock.displayTime()).toBe(START - HOUR / 2);
    expect(world.clock.now()).toBe(world.server);
    world.clock.showPast(null);
    expect(world.error).toBe(0);
  });
});
