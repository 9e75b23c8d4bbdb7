import { keep, recall } from './storage';

/** Undo something: stop a timer, leave a subscription. Calling it twice does nothing more. */
export type Cancel = () => void;

/** Time as the follower sees it; ms since the epoch. */
export interface Clock {
  now(): number;
  /** Call `run` once after `ms`, unless cancelled before. */
  after(ms: number, run: () => void): Cancel;
}

/** Where the transport that works is remembered between pages. */
export interface Memory {
  get(): string | null;
  set(transport: string): void;
}

/** What the surroundings know about the network. */
export interface Signals {
  /** False only where the network is known to be gone. */
  online(): boolean;
  /** Tell when it is worth looking at once (network back, page visible again), and when it is gone. */
  watch(wake: () => void, offline: () => void): Cancel;
}

/** The part of the browser's WebSocket that is used. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  close(code?: number): void;
}

/** What the follower needs from where it runs. A browser has all of it; tests and scripts give it. */
export interface Platform {
  /** Undefined where there is none: the ladder then starts at SSE. */
  readonly WebSocket: (new (url: string) => SocketLike) | undefined;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly memory: Memory;
  readonly signals: Signals;
  /** What relative addresses are relative to. */
  readonly base: string;
}

/** The clock of the machine. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    if (ms <= 0) return nextTask(run);
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Call `run` in the next task. A timer would do, but browsers let those of a hidden page wait for a second. */
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

/** Remembers for as long as the page lives. */
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

/** Remembers for the browser tab's session; for the page if the browser denies storage. */
const sessionMemory: Memory = {
  get: () => recall('sessionStorage', TRANSPORT_KEY),
  set: (transport) => keep('sessionStorage', TRANSPORT_KEY, transport),
};

/** The events of `window` and `document`. */
const browserSignals: Signals = {
  online: () => globalThis.navigator?.onLine !== false,
  watch(wake, offline) {
    const left = new AbortController();
    const { signal } = left;
    const visible = () => {
      if (document.visibilityState === 'visible') wake();
    };
    window.addEventListener('online', wake, { signal });
    window.addEventListener('pageshow', wake, { signal });
    window.addEventListener('offline', offline, { signal });
    document.addEventListener('visibilitychange', visible, { signal });
    return () => left.abort();
  },
};

/** Nothing to watch: always online, never woken. */
const noSignals: Signals = { online: () => true, watch: () => () => undefined };

/** Return the surroundings as they are, with what `given` replaces. */
export function platformFrom(given: Partial<Platform> = {}): Platform {
  const inBrowser = typeof document !== 'undefined';
  return {
    WebSocket: globalThis.WebSocket as Platform['WebSocket'],
    fetch: (url, init) => globalThis.fetch(url, init),
    clock: realClock,
    random: Math.random,
    memory: inBrowser ? sessionMemory : new PageMemory(),
    signals: inBrowser ? browserSignals : noSignals,
    base: inBrowser ? document.baseURI : '',
    ...given,
  };
}
