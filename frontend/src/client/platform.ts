import { tryStorage } from './storage.js';

/** Stops a timer or a subscription. A second call does nothing. */
export type Cancel = () => void;

/** A clock in ms since the epoch, with timers. */
export interface Clock {
  now(): number;
  /** Call `run` once after `ms`, unless cancelled. */
  after(ms: number, run: () => void): Cancel;
}

/** Remembers between pages which transport works. */
export interface Memory {
  get(): string | null;
  set(transport: string): void;
}

/** What the environment knows about the network. */
export interface Signals {
  /** False only if the network is known to be down. */
  online(): boolean;
  /** Call `wake` when a try may succeed (network back, page visible), and `offline` when the network is lost. */
  watch(wake: () => void, offline: () => void): Cancel;
}

/** The part of the browser's WebSocket that is used. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  close(code?: number): void;
}

/** What the follower needs from its environment. A browser has all of it; scripts and tests provide it. */
export interface Platform {
  /** Undefined on a platform without WebSocket, which starts with SSE. */
  readonly WebSocket: (new (url: string) => SocketLike) | undefined;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly memory: Memory;
  readonly signals: Signals;
  /** The base of relative addresses. */
  readonly base: string;
}

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    if (ms <= 0) return nextTask(run);
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Call `run` in the next task. Browsers delay the timers of a hidden page by up to a second. */
function nextTask(run: () => void): Cancel {
  const { port1, port2 } = new MessageChannel();
  const cancel = () => port1.close();
  port1.onmessage = () => {
    cancel();
    run();
  };
  port2.postMessage(null);
  return cancel;
}

/** Remembers while the page is open. */
export class PageMemory implements Memory {
  #transport: string | null = null;

  get(): string | null {
    return this.#transport;
  }

  set(transport: string): void {
    this.#transport = transport;
  }
}

const TRANSPORT_KEY = 'reprise.transport';

/** What this page has stored; `keep` would do, but is larger. */
let ownCopy: string | null = null;

/** Remembers for the tab's session, or for the page if the browser denies storage. */
const sessionMemory: Memory = {
  get: () => ownCopy ?? tryStorage('sessionStorage', (storage) => storage.getItem(TRANSPORT_KEY)),
  set(transport) {
    ownCopy = transport;
    tryStorage('sessionStorage', (storage) => storage.setItem(TRANSPORT_KEY, transport));
  },
};

/** The events of `window` and `document`; outside a browser, none. */
const browserSignals: Signals = {
  online: () => globalThis.navigator?.onLine !== false,
  watch(wake, offline) {
    if (typeof document === 'undefined') return () => undefined;
    const left = new AbortController();
    const { signal } = left;
    const visible = () => {
      if (document.visibilityState === 'visible') wake();
    };
    for (const type of ['online', 'pageshow']) window.addEventListener(type, wake, { signal });
    window.addEventListener('offline', offline, { signal });
    document.addEventListener('visibilitychange', visible, { signal });
    return () => left.abort();
  },
};

/** Return the platform of this environment, with the replacements in `given`. */
export function platformFrom(given: Partial<Platform> = {}): Platform {
  const inBrowser = typeof document !== 'undefined';
  return {
    WebSocket: globalThis.WebSocket as Platform['WebSocket'],
    fetch: (url, init) => fetch(url, init),
    clock: realClock,
    random: Math.random,
    memory: inBrowser ? sessionMemory : new PageMemory(),
    signals: browserSignals,
    base: globalThis.document?.baseURI ?? '',
    ...given,
  };
}
