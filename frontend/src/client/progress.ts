import type { Lost } from './close-reasons.js';
import { cursorOf, START, seqOf } from './cursor.js';
import type { FollowerEventMap, FollowerInfo, Resumed } from './info.js';
import type { Platform } from './platform.js';
import type { TransportName } from './transports/transport.js';
import type { JobEvent, JobStatus, PlaceFrame } from './types.js';

/** Emits an event of the follower. */
export type Emit = <K extends keyof FollowerEventMap>(
  type: K,
  detail: FollowerEventMap[K]['detail'],
) => void;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a follower has received, and what it reports of itself. */
export class Progress {
  readonly #info: Mutable<FollowerInfo>;
  /** Seq of the last event before the connection was lost; null once everything has come again. */
  #cutAt: number | null = null;

  /** @throws BadCursor if `cursor` is not a cursor */
  constructor(
    job: string,
    cursor: string,
    private readonly platform: Platform,
    private readonly emit: Emit,
  ) {
    const seq = seqOf(cursor);
    this.#info = {
      job,
      state: 'idle',
      transport: null,
      seq,
      cursor,
      head: seq,
      resumed: null,
      attempts: 0,
      nextTryAt: null,
      error: null,
      status: null,
      duplicates: 0,
      gaps: 0,
    };
  }

  /** A snapshot of all of it. */
  get info(): FollowerInfo {
    return { ...this.#info };
  }

  /** The counters of what connections should not have sent. */
  get faults(): Pick<Mutable<FollowerInfo>, 'duplicates' | 'gaps'> {
    return this.#info;
  }

  /** Note that the follower starts. */
  start(): void {
    this.#cutAt = this.#info.seq || null;
    this.report({ state: 'connecting', transport: null, status: null, attempts: 0 });
  }

  /** Forget all events. */
  reset(): void {
    Object.assign(this.#info, { cursor: START, seq: 0, head: 0, resumed: null });
    this.emit('reset', this.info);
  }

  /** Note that a connection has sent its first frame, or has replaced another one. */
  connected(transport: TransportName, head: number): void {
    // A rotation or an upgrade is not reported: nothing was cut.
    const state = this.#info.state === 'live' ? 'live' : 'catching_up';
    this.report({ state, transport, head: Math.max(head, this.#info.seq) });
  }

  /** Give out the events that are new: an upgraded connection begins where the old one was. */
  take(events: readonly JobEvent[]): void {
    const fresh = events.filter((event) => event.seq > this.#info.seq);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#info.seq = last.seq;
    this.#info.cursor = cursorOf(last);
    this.#info.head = Math.max(this.#info.head, last.seq);
    this.emit('events', { events: fresh, info: this.info });
  }

  /** Note that everything has come, or that there is more to come. */
  place({ kind, head }: Pick<PlaceFrame, 'kind' | 'head'>): void {
    head = Math.max(this.#info.head, head);
    if (kind === 'fell_behind') this.report({ state: 'catching_up', head });
    else this.report({ state: 'live', head, attempts: 0, resumed: this.#finishResume() });
  }

  /** Note a heartbeat. */
  heartbeat(head: number, at: string | undefined): void {
    if (head > this.#info.head) this.report({ head });
    this.emit('heartbeat', { at });
  }

  /** Note a lost connection; the next try is in `waitMs`, after so many failed `attempts`. */
  lost(why: Lost, waitMs: number, attempts: number): void {
    this.#cutAt ??= this.#info.seq || null;
    this.noteError(why);
    const away = this.#info.transport === null ? 'connecting' : 'reconnecting';
    const state = this.platform.signals.online() ? away : 'offline';
    this.report({ state, attempts, nextTryAt: this.platform.clock.now() + waitMs });
  }

  /** Note that every event has come; `status` is the job's, if the server sent it. */
  end(status: JobStatus | null): void {
    this.report({ state: 'ended', status, resumed: this.#finishResume() });
  }

  /** Note an error of the connection. */
  noteError({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#info.error = { code, message, at: this.platform.clock.now() };
  }

  /** Change the info, and report it. */
  report(change: Partial<FollowerInfo>): void {
    Object.assign(this.#info, { nextTryAt: null }, change);
    this.emit('state', this.info);
  }

  /** Return the last finished resume, which is now if there is an unfinished one. */
  #finishResume(): Resumed | null {
    const { seq, resumed } = this.#info;
    const from = this.#cutAt;
    this.#cutAt = null;
    if (from === null) return resumed;
    return { from, caughtUp: seq - from, at: this.platform.clock.now() };
  }
}
