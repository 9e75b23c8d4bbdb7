import { WebSocket } from 'ws';
import {
  type Cancel,
  type Clock,
  PageMemory,
  type Platform,
  type Signals,
} from '../../../src/client';

interface Timer {
  readonly at: number;
  readonly ms: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to go on; what is due at once runs at once. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 10, 22, 9);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#now + ms, ms, run };
    this.#timers.add(timer);
    if (ms === 0) setImmediate(() => this.#fire(timer));
    return () => this.#timers.delete(timer);
  }

  /** How long each timer that is set was set for, in ms, ascending. */
  get pending(): number[] {
    return [...this.#timers].map(({ ms }) => ms).sort((a, b) => a - b);
  }

  /** Let time pass, and run what falls due, in its order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.at);
      this.#fire(due);
    }
    this.#now = until;
  }

  /** Let time pass without any timer noticing, as in a machine that sleeps. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  #fire(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.run();
  }
}

/** The browser's signals, given by hand. */
export class FakeSignals implements Signals {
  isOnline = true;
  readonly #watchers = new Set<{ wake: () => void; offline: () => void }>();

  online(): boolean {
    return this.isOnline;
  }

  watch(wake: () => void, offline: () => void): Cancel {
    const watcher = { wake, offline };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** How many watch. */
  get watched(): number {
    return this.#watchers.size;
  }

  wake(): void {
    for (const { wake } of this.#watchers) wake();
  }

  goOnline(): void {
    this.isOnline = true;
    this.wake();
  }

  goOffline(): void {
    this.isOnline = false;
    for (const { offline } of this.#watchers) offline();
  }
}

/** Everything that a follower needs, in the test's hand; real sockets, no real time. */
export class FakePlatform implements Platform {
  readonly WebSocket = WebSocket as unknown as NonNullable<Platform['WebSocket']>;
  readonly clock = new FakeClock();
  readonly signals = new FakeSignals();
  readonly memory = new PageMemory();
  readonly fetch: Platform['fetch'] = (url, init) => globalThis.fetch(url, init);
  random: () => number = () => 0.5;

  constructor(readonly base: string) {}
}

/** Wait until something holds. The test's own time limit is what ends a wait in vain. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Let everything that is under way happen: a few rounds of the event loop. */
export async function settle(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
