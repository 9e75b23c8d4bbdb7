import type { Backoff } from './backoff';
import { type Closed, type Lost, lost } from './close-reasons';
import { type Faults, Link, type LinkListener } from './connection';
import type { Ladder } from './fallback';
import type { Cancel, Platform } from './platform';
import type { Transport, TransportName } from './transports/transport';
import type { EndFrame, HelloFrame, JobEvent, PlaceFrame } from './types';
import { Upgrade } from './upgrade';

/** The most that a connection may take to its first frame, however slow the line, in ms. */
const FIRST_FRAME_MOST = 30_000;
/** A connection that lived this long, or brought events, was worth having: the backoff starts over. */
const WORTHWHILE_MS = 5000;
/** A finite answer that brought nothing and ended sooner than this is no rotation. */
const ROTATION_LEAST_MS = 1000;
/** Codes of a transport that lets the time pass, or cannot carry what it should. */
const SILENT: ReadonlySet<string> = new Set(['no_first_frame', 'held', 'message_too_big']);

/** What a keeper tells, and asks. */
export interface KeeperListener {
  /** The cursor to connect with. */
  cursor(): string;
  /** Whether everything is here. */
  isLive(): boolean;
  /** A connection is being made. */
  trying(): void;
  /** A connection has given its first frame, or has taken the place of another. */
  up(transport: TransportName, head: number): void;
  /** Events in unbroken order; while a better transport is tried some may have come before. */
  events(events: readonly JobEvent[]): void;
  place(frame: PlaceFrame): void;
  head(head: number, at?: string): void;
  /** Heartbeats are overdue, or something came again after they were. */
  quiet(isQuiet: boolean): void;
  /** Cut off; the next try is in `waitMs`. */
  down(why: Lost, waitMs: number): void;
  /** For good: every event has come, the server says no more will, or it refuses. */
  over(why: EndFrame | Exclude<Closed, Lost>): void;
}

/** Keeps one connection up: makes it, makes it again, moves it to another transport. */
export class Keeper implements LinkListener {
  readonly #upgrade: Upgrade;
  #link: Link | null = null;
  #waiting: Cancel | null = null;
  #unwatch: Cancel = () => undefined;
  #notBefore = 0;

  constructor(
    private readonly listener: KeeperListener,
    private readonly platform: Platform,
    private readonly ladder: Ladder,
    private readonly backoff: Backoff,
    private readonly faults: Faults,
    private readonly firstFrameMs: number,
  ) {
    this.#upgrade = new Upgrade(ladder, platform.clock, {
      connect: (transport) => this.#connect(transport),
      ready: () => this.listener.isLive(),
    });
  }

  /** Connect, and stay connected until `stop` or the end. */
  start(): void {
    this.stop();
    this.backoff.reset();
    this.#unwatch = this.platform.signals.watch(
      () => this.#wake(),
      () => this.#offline(),
    );
    this.#open();
  }

  /** Let go of everything. */
  stop(): void {
    this.#unwatch();
    this.#unwatch = () => undefined;
    this.#drop();
  }

  /** Do not wait any longer for the next try, whatever the reason to wait. */
  tryNow(): void {
    if (this.#waiting === null) return;
    this.backoff.reset();
    this.ladder.startOver();
    this.#open();
  }

  hello(link: Link, frame: HelloFrame): void {
    if (!this.#upgrade.tries(link)) this.listener.up(link.transport.name, frame.head);
  }

  events(link: Link, events: readonly JobEvent[]): void {
    if (!this.#upgrade.tries(link)) this.ladder.worked();
    this.listener.events(events);
  }

  place(link: Link, frame: PlaceFrame): void {
    if (this.#upgrade.tries(link)) return;
    if (frame.kind === 'caught_up') {
      this.ladder.caughtUp();
      this.#upgrade.plan();
    } else {
      this.#upgrade.abandon();
    }
    this.listener.place(frame);
  }

  proved(link: Link): void {
    this.ladder.proved(link.transport);
    if (!this.#upgrade.tries(link)) return;
    this.#upgrade.adopt();
    this.#link?.close();
    this.#link = link;
    this.#upgrade.plan();
    this.listener.up(link.transport.name, link.seq);
    this.listener.place({ kind: 'caught_up', seq: link.seq, head: link.seq });
  }

  quiet(link: Link, isQuiet: boolean): void {
    if (!this.#upgrade.tries(link)) this.listener.quiet(isQuiet);
  }

  head(_link: Link, head: number, at?: string): void {
    this.listener.head(head, at);
  }

  retry(ms: number): void {
    if (ms > 0) this.backoff.base = ms;
  }

  end(_link: Link, frame: EndFrame): void {
    this.stop();
    this.listener.over(frame);
  }

  closed(link: Link, closed: Closed): void {
    if (this.#upgrade.tries(link)) {
      this.#upgrade.next();
      return;
    }
    if (closed.how === 'lost') {
      this.#lost(link, closed);
    } else if (closed.how === 'rotated') {
      this.#rotated(link);
    } else {
      this.stop();
      this.listener.over(closed);
    }
  }

  #open(): void {
    this.#drop();
    this.#connectOn();
  }

  #connectOn(): void {
    this.listener.trying();
    this.#link = this.#connect(this.ladder.current);
    this.#link.open();
  }

  #connect(transport: Transport): Link {
    const { clock } = this.platform;
    const longer = this.firstFrameMs * 2 ** Math.min(this.ladder.rounds, 10);
    const patience = Math.min(FIRST_FRAME_MOST, longer);
    return new Link(transport, this.listener.cursor(), this, clock, this.faults, patience);
  }

  #drop(): void {
    this.#waiting?.();
    this.#waiting = null;
    this.#upgrade.cancel();
    this.#link?.close();
    this.#link = null;
  }

  /** Go on at once where a finite answer brought what it should, or some of it. */
  #rotated(link: Link): void {
    const idle = link.isCaughtUp && link.age >= ROTATION_LEAST_MS;
    if (link.brought === 0 && !idle) {
      this.#lost(link, lost('ended_early', 'The answer ended without anything new.'));
      return;
    }
    if (!link.isCaughtUp && !link.broughtForLong) this.ladder.missed(false);
    this.backoff.reset();
    // What is planned or tried beside it goes on: rotations come oftener than upgrades.
    this.#link = null;
    this.#connectOn();
  }

  #lost(link: Link, why: Lost): void {
    const lived = link.greeted && link.age >= WORTHWHILE_MS;
    if (link.brought > 0 || link.isProved || lived) this.backoff.reset();
    const silent = SILENT.has(why.code);
    const moved = this.#missed(link, why);
    const jitter = this.backoff.next();
    // Silence was wait enough before trying another transport.
    this.#wait(why, why.retryAfterMs + (silent && moved ? 0 : jitter));
  }

  /** Hold it against the transport, where it is the transport's; return whether it is left. */
  #missed(link: Link, why: Lost): boolean {
    // Without a network every transport fails alike, which says nothing about them.
    if (why.fromServer || !this.platform.signals.online()) return false;
    if (link.isCaughtUp) return why.code === 'held' && this.ladder.heldBack();
    const silent = SILENT.has(why.code);
    if (link.broughtForLong && !silent) return false;
    return this.ladder.missed(silent);
  }

  #wait(why: Lost, ms: number): void {
    const { clock } = this.platform;
    this.#drop();
    this.#notBefore = clock.now() + why.retryAfterMs;
    this.#waiting = clock.after(ms, () => this.#open());
    this.listener.down(why, ms);
  }

  /** The network is back, or somebody is looking again. */
  #wake(): void {
    if (this.#waiting !== null) {
      if (this.platform.clock.now() >= this.#notBefore) this.tryNow();
    } else if (this.#link?.stale) {
      this.#wait(lost('stale', 'Nothing had come for a while.'), 0);
    }
  }

  #offline(): void {
    if (this.#link === null) return;
    this.#wait(lost('offline', 'This machine has no network.'), this.backoff.next());
  }
}
