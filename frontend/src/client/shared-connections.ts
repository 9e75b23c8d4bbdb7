import type { Addresses } from './addresses.js';
import type { ConnectionSharing } from './options.js';
import type { Cancel, Clock, Platform } from './platform.js';
import type { HttpOptions } from './transports/http.js';
import { lazyTransport } from './transports/lazy.js';
import type { Sink, Transport } from './transports/transport.js';

/** Connections that the tabs of one browser hold; of six over HTTP/1.1, pages and acts need the rest. */
const PLACES = 3;
/** How often a tab without a place asks for events, in ms, and one that is hidden. */
const PAUSE_MS = 2000;
const HIDDEN_PAUSE_MS = 10_000;
/**
 * How long a tab does without before it looks for a place again, in ms. Less than a heartbeat, so that
 * answers in turns never count as a proof that streams get through.
 */
const TURNS_MS = 8000;
/** A connection that is ended sooner counts as one that failed, in ms. */
const LEAST_MS = 1000;

/** What the tab knows of itself and of others. A browser has all of it; tests provide it. */
export interface Tab {
  /** Undefined where the browser has none: on insecure origins, for example. */
  readonly locks: Pick<LockManager, 'request'> | undefined;
  isHidden(): boolean;
  /** Call `changed` when the tab has been hidden or shown. */
  watch(changed: () => void): Cancel;
}

/** This document's tab. */
const ownTab: Tab = {
  get locks() {
    return globalThis.navigator?.locks;
  },
  isHidden: () => document.visibilityState === 'hidden',
  watch(changed) {
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  },
};

/**
 * Share the few connections that a browser has over HTTP/1.1 between all tabs of this origin:
 * `follow(id, { connections: shareConnections() })`.
 *
 * Three tabs that are seen hold one each. The others ask for events one after the other, every two
 * seconds, and hidden ones every ten. WebSockets are not concerned. Where the browser has no Web Locks,
 * or denies them, each tab that is seen holds a connection of its own.
 */
export function shareConnections(tab: Tab = ownTab): ConnectionSharing {
  return {
    share(held, addresses, platform, options) {
      const turns = byTurns(tab, held, addresses, platform, options);
      return new SharedTransport(held, turns, tab, platform.clock);
    },
  };
}

/** Return a transport that holds no answer and makes each request when it is this tab's turn. */
function byTurns(
  tab: Tab,
  { name }: Transport,
  addresses: Addresses,
  platform: Platform,
  options: HttpOptions & { readonly raw: boolean },
): Transport {
  const fetch: Platform['fetch'] = (url, init) =>
    takeTurn(tab, init.signal ?? undefined, async () => {
      const { status, headers, body } = await platform.fetch(url, init);
      const whole = body === null ? null : await new Response(body).arrayBuffer();
      return new Response(whole, { status, headers });
    });
  const pause = () => (tab.isHidden() ? HIDDEN_PAUSE_MS : PAUSE_MS);
  const pace = { longestWait: 0, pause };
  return lazyTransport(
    name,
    ({ LongPollTransport }) =>
      new LongPollTransport(name, addresses, { ...platform, fetch }, options, pace),
  );
}

/** A transport that holds a connection while the tab has a place, and asks in turns else. */
class SharedTransport implements Transport {
  readonly name;
  readonly flowing = true;
  readonly finite;

  constructor(
    private readonly held: Transport,
    private readonly turns: Transport,
    private readonly tab: Tab,
    private readonly clock: Clock,
  ) {
    this.name = held.name;
    this.finite = held.finite === true;
  }

  open(cursor: string, sink: Sink): Cancel {
    const visit = new Visit(sink, this.tab, this.clock);
    void takePlace(this.tab).then((leave) =>
      visit.begin(leave === null ? this.turns : this.held, cursor, leave),
    );
    return () => visit.end();
  }
}

/** One connection of a `SharedTransport`. */
class Visit {
  #isOver = false;
  #isCaughtUp = false;
  #mustEnd = false;
  #openedAt = 0;
  readonly #cancels: Cancel[] = [];

  constructor(
    private readonly sink: Sink,
    private readonly tab: Tab,
    private readonly clock: Clock,
  ) {}

  /** Connect; `leave` frees the place that the tab has, or is null for none. */
  begin(transport: Transport, cursor: string, leave: Cancel | null): void {
    this.#cancels.push(leave ?? (() => undefined));
    if (this.#isOver) {
      this.end();
      return;
    }
    this.#openedAt = this.clock.now();
    const hasPlace = leave !== null;
    const look = () => {
      if (this.tab.isHidden() === hasPlace) this.#rotate();
    };
    this.#cancels.push(this.tab.watch(look));
    const turnsMs = this.tab.isHidden() ? HIDDEN_PAUSE_MS : TURNS_MS;
    if (!hasPlace) this.#cancels.push(this.clock.after(turnsMs, () => this.#rotate()));
    this.#cancels.push(transport.open(cursor, this.#watchedSink()));
    look();
  }

  end(): void {
    this.#isOver = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  /** End the connection as the server does, once that loses nothing: the next one is of the other kind. */
  #rotate(): void {
    this.#mustEnd = true;
    if (!this.#isCaughtUp) return;
    const wait = Math.max(0, this.#openedAt + LEAST_MS - this.clock.now());
    this.#cancels.push(this.clock.after(wait, () => this.sink.closed({ how: 'rotated' })));
  }

  #watchedSink(): Sink {
    const { sink } = this;
    return {
      frame: (frame) => {
        sink.frame(frame);
        this.#isCaughtUp ||= frame.kind === 'caught_up';
        if (this.#mustEnd && frame.kind === 'caught_up') this.#rotate();
      },
      alive: (bytes) => sink.alive(bytes),
      retry: (ms) => sink.retry(ms),
      closed: (closed) => sink.closed(closed),
    };
  }
}

/** Take one of the places; null if the tab has to do without. */
async function takePlace(tab: Tab): Promise<Cancel | null> {
  if (tab.isHidden()) return null;
  try {
    const { locks } = tab;
    if (locks === undefined) return () => undefined;
    for (let place = 0; place < PLACES; place += 1) {
      const leave = await tryLock(locks, `reprise.connection.${place}`);
      if (leave !== null) return leave;
    }
    return null;
  } catch {
    return () => undefined; // denied: nobody can be asked
  }
}

/** Take a lock if it is free; the result frees it. */
function tryLock(locks: Pick<LockManager, 'request'>, name: string): Promise<Cancel | null> {
  return new Promise((resolve, reject) => {
    const whileHeld = (lock: Lock | null): Promise<void> =>
      new Promise((leave) => {
        resolve(lock === null ? null : leave);
        if (lock === null) leave();
      });
    locks.request(name, { ifAvailable: true }, whileHeld).catch(reject);
  });
}

/** Make a request while no other tab makes one of its turns. */
async function takeTurn(
  { locks }: Tab,
  signal: AbortSignal | undefined,
  request: () => Promise<Response>,
): Promise<Response> {
  let isMade = false;
  const make = () => {
    isMade = true;
    return request();
  };
  if (locks === undefined) return make();
  try {
    return await locks.request('reprise.turn', signal ? { signal } : {}, make);
  } catch (error) {
    if (isMade || signal?.aborted) throw error;
    return make(); // denied
  }
}
