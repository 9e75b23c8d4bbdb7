import { describe, expect, it } from 'vitest';
import { type Clock, fold, type JobEvent, NOTHING } from '../../src/client';
import { MomentPlayer, type MomentSource } from '../../src/job/moment-player';

const START = Date.parse('2026-11-22T09:00:00Z');

/** A clock that goes on when it is told to. */
class ManualClock implements Clock {
  private time = 0;
  private timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const next = this.timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((one) => one !== next);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A log whose events came at these seconds; one of them is the failure of a step. */
class RecordedLog implements MomentSource {
  readonly events: readonly JobEvent[];
  asked = 0;
  /** Answers wait in here for `release`, if it is set. */
  held: (() => void)[] | null = null;

  constructor(seconds: readonly number[], failure = 0) {
    this.events = seconds.map((second, index) => {
      const seq = index + 1;
      const failed = seq === failure;
      return {
        seq,
        type: failed ? 'step.failed' : 'job.progressed',
        version: 1,
        at: new Date(START + second * 1000).toISOString(),
        actor: 'worker:w',
        attempt: 1,
        ...(failed ? { step: 's', target: 't' } : {}),
        data: failed ? { try: 1, occurrence: 1, seconds: 1 } : { done: seq },
        hash: String(seq),
      } as unknown as JobEvent;
    });
  }

  async stateAt(seq: number) {
    if (this.held) await new Promise<void>((resolve) => this.held?.push(resolve));
    if (seq > this.events.length) throw new Error('There is no such event.');
    return fold(NOTHING, this.events.slice(0, seq));
  }

  async eventsAfter(seq: number, limit: number) {
    this.asked += 1;
    return this.events.slice(seq, seq + limit);
  }

  async nextFailure(seq: number) {
    return this.events.find((one) => one.seq > seq && one.type === 'step.failed')?.seq ?? null;
  }
}

function played(log: RecordedLog) {
  const clock = new ManualClock();
  const between: number[] = [];
  const player = new MomentPlayer(log, clock, (events) => {
    between.push(...(events ?? []).map((event) => event.seq));
  });
  player.speed = 1;
  return { clock, player, between };
}

describe('a player of moments', () => {
  it('shows the job as it stood at a seq', async () => {
    const { player } = played(new RecordedLog([0, 1, 2]));
    await player.goTo(2);
    expect(player.seq).toBe(2);
    expect(player.view.done).toBe(2);
  });

  it('plays in the time of the run, times the speed', async () => {
    const { clock, player } = played(new RecordedLog([0, 1, 2, 3, 30]));
    await player.goTo(1);
    player.play();
    await clock.pass(950);
    expect(player.seq).toBe(1);
    await clock.pass(150);
    expect(player.seq).toBe(2);
    player.speed = 10;
    await clock.pass(250);
    expect(player.seq).toBe(4);
  });

  it('does not wait through a long silence', async () => {
    const { clock, player } = played(new RecordedLog([0, 3600, 3601]));
    await player.goTo(1);
    player.play();
    await clock.pass(2100);
    expect(player.seq).toBe(2);
    await clock.pass(800);
    expect(player.seq).toBe(2);
    await clock.pass(400);
    expect(player.seq).toBe(3);
  });

  it('shows every event once, in order, and stops at the end', async () => {
    const log = new RecordedLog(Array.from({ length: 2500 }, (_, index) => index / 10));
    const { clock, player, between } = played(log);
    await player.goTo(1);
    player.speed = 100;
    player.play();
    await clock.pass(10_000);
    expect(player.seq).toBe(2500);
    expect(player.view.done).toBe(2500);
    expect(player.isPlaying).toBe(false);
    expect(between).toEqual(log.events.slice(1).map((event) => event.seq));
    expect(log.asked).toBe(4);
  });

  it('goes to the next failure, and says when there is none', async () => {
    const { player } = played(new RecordedLog([0, 1, 2, 3], 3));
    await player.goTo(1);
    expect(await player.goToNextFailure()).toBe(true);
    expect(player.seq).toBe(3);
    expect(await player.goToNextFailure()).toBe(false);
    expect(player.seq).toBe(3);
  });

  it('drops a late answer to an earlier move', async () => {
    const log = new RecordedLog([0, 1, 2, 3]);
    log.held = [];
    const { player } = played(log);
    const first = player.goTo(2);
    const second = player.goTo(4);
    log.held[1]?.();
    await second;
    log.held[0]?.();
    await first;
    expect(player.seq).toBe(4);
  });

  it('keeps the moment and stops when the service does not answer', async () => {
    const { player } = played(new RecordedLog([0, 1]));
    await player.goTo(1);
    player.play();
    await player.goTo(9);
    expect(player.seq).toBe(1);
    expect(player.isPlaying).toBe(false);
    expect(player.error).toBeInstanceOf(Error);
  });

  it('plays on from where it was moved to', async () => {
    const { clock, player } = played(new RecordedLog([0, 1, 2, 3, 4, 5]));
    await player.goTo(1);
    player.play();
    await clock.pass(1100);
    await player.goTo(5);
    await clock.pass(1100);
    expect(player.seq).toBe(6);
  });
});
