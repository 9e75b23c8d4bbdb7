import type { Tab } from '../../../src/client';
import { type Cancel, shareConnections } from '../../../src/client';

type Held = (lock: Lock | null) => unknown;

/** The Web Locks of one browser; each tab has its own view of them. */
export class FakeLocks {
  readonly #taken = new Map<string, FakeTab>();
  #waiting: { readonly name: string; readonly tab: FakeTab; readonly take: () => void }[] = [];
  /** The most connections that were held at one moment. */
  most = 0;

  /** Whether a name is taken. */
  has(name: string): boolean {
    return this.#taken.has(name);
  }

  async request(tab: FakeTab, name: string, options: LockOptions, held: Held): Promise<unknown> {
    if (this.#taken.has(name)) {
      if (options.ifAvailable) return held(null);
      await this.#wait(tab, name, options.signal);
    }
    this.#taken.set(name, tab);
    this.most = Math.max(this.most, this.#taken.size);
    try {
      return await held({ name, mode: 'exclusive' });
    } finally {
      if (this.#taken.get(name) === tab) this.#free(name);
    }
  }

  /** Free what a tab has that is gone. */
  drop(tab: FakeTab): void {
    this.#waiting = this.#waiting.filter((one) => one.tab !== tab);
    for (const [name, holder] of [...this.#taken]) if (holder === tab) this.#free(name);
  }

  #wait(tab: FakeTab, name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((take, reject) => {
      const waiter = { name, tab, take };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiter);
        reject(signal.reason);
      });
    });
  }

  #free(name: string): void {
    this.#taken.delete(name);
    const next = this.#waiting.find((one) => one.name === name);
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((one) => one !== next);
    this.#taken.set(name, next.tab);
    next.take();
  }
}

/** One tab of a browser. */
export class FakeTab implements Tab {
  #hidden = false;
  readonly #watchers = new Set<() => void>();
  readonly locks: Tab['locks'];
  readonly connections = shareConnections(this);

  constructor(locks: FakeLocks | Tab['locks'] | undefined) {
    const request = (name: string, options: LockOptions, held: Held) =>
      (locks as FakeLocks).request(this, name, options, held);
    this.locks = locks instanceof FakeLocks ? ({ request } as Tab['locks']) : locks;
  }

  isHidden(): boolean {
    return this.#hidden;
  }

  watch(changed: () => void): Cancel {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** Hide the tab, or show it. */
  show(isShown: boolean): void {
    this.#hidden = !isShown;
    for (const changed of [...this.#watchers]) changed();
  }
}
