/**
 * A run as it stood at a past moment: go to a seq, or play from there. The state comes from the server's
 * fold, and what follows it from the log, so that a moment costs the same in a log of any size.
 */

import { type Clock, fold, type JobEvent, type JobView, NOTHING } from '../client';

/** Where moments come from. All reject as `callApi` does. */
export interface MomentSource {
  /** The job folded at `seq`, from 1 to the head. */
  stateAt(seq: number): Promise<JobView>;
  /** Up to `limit` events after `seq`; none at the head. */
  eventsAfter(seq: number, limit: number): Promise<readonly JobEvent[]>;
  /** The seq of the next failure after `seq`; null if there is none. */
  nextFailure(seq: number): Promise<number | null>;
}

/** How many times faster than it happened. */
export const SPEEDS = [1, 2, 5, 10, 20, 50, 100] as const;
/** A pause in which nothing happened takes at most this long. */
const MAX_PAUSE_MS = 2000;
const FRAME_MS = 100;
const READ_EVENTS = 1000;

/**
 * Called when the player shows another moment, with the events between the one before and it, or null
 * after a move; and without events when it begins or stops playing, or fails.
 */
type OnMoment = (events: readonly JobEvent[] | null) => void;
const NO_EVENTS: readonly JobEvent[] = [];

/** Plays the moments of one job. */
export class MomentPlayer {
  /** The job at the shown moment; its `head` is the moment's seq. */
  view: JobView = NOTHING;
  isPlaying = false;
  speed: number = 10;
  /** Why the last moment could not be read; null if it could. */
  error: unknown = null;
  /** Events after the view that have been read. */
  private ahead: readonly JobEvent[] = [];
  /** Grows with each move, so that a late answer to an earlier one is dropped. */
  private moves = 0;
  private cancelFrame: () => void = () => undefined;
  private frameAt = 0;
  /** How far the played time is past the shown event, in ms of the run. */
  private sinceShown = 0;

  constructor(
    private readonly source: MomentSource,
    private readonly clock: Clock,
    private readonly onMoment: OnMoment,
  ) {}

  /** The seq of the shown moment; 0 before the first. */
  get seq(): number {
    return this.view.head;
  }

  /** Show the job at `seq`. Playing goes on from there. */
  async goTo(seq: number): Promise<void> {
    const move = this.startMove();
    await this.try(move, async () => {
      const view = await this.source.stateAt(seq);
      if (move !== this.moves) return;
      this.view = view;
      this.ahead = [];
      this.sinceShown = 0;
      this.onMoment(null);
    });
  }

  /** Go to the next failure; return whether there is one. */
  async goToNextFailure(): Promise<boolean> {
    const move = this.startMove();
    let found: number | null = null;
    await this.try(move, async () => {
      found = await this.source.nextFailure(this.seq);
    });
    if (found === null || move !== this.moves) return false;
    await this.goTo(found);
    return true;
  }

  /** Play from the shown moment to the end of the log. */
  play(): void {
    if (this.isPlaying) return;
    this.isPlaying = true;
    this.frameAt = this.clock.now();
    this.scheduleFrame();
    this.onMoment(NO_EVENTS);
  }

  /** Stop playing; the moment stays. */
  pause(): void {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.cancelFrame();
    this.onMoment(NO_EVENTS);
  }

  private startMove(): number {
    this.error = null;
    this.moves += 1;
    return this.moves;
  }

  private async try(move: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (move !== this.moves) return;
      this.error = error;
      this.pause();
      this.onMoment(NO_EVENTS);
    }
  }

  private scheduleFrame(): void {
    this.cancelFrame = this.clock.after(FRAME_MS, () => void this.playFrame());
  }

  private async playFrame(): Promise<void> {
    const move = this.moves;
    const now = this.clock.now();
    const elapsed = now - this.frameAt;
    this.frameAt = now;
    if (!this.ahead.length) {
      await this.try(move, () => this.readAhead(move));
      this.frameAt = this.clock.now(); // reading takes no time of the run
    }
    if (!this.isPlaying) return;
    if (move === this.moves) this.advance(elapsed * this.speed);
    if (this.isPlaying) this.scheduleFrame();
  }

  private async readAhead(move: number): Promise<void> {
    const events = await this.source.eventsAfter(this.seq, READ_EVENTS);
    if (move !== this.moves) return;
    this.ahead = events;
    if (!events.length) this.pause();
  }

  /** Show the events of the next `span` ms of the run; a longer silence is cut short. */
  private advance(span: number): void {
    this.sinceShown += span;
    const shownAt = Date.parse(this.view.last_at ?? '') || 0;
    const silence = () => Date.parse(this.ahead[0]?.at ?? '') - shownAt;
    const cut = this.sinceShown >= MAX_PAUSE_MS * this.speed ? silence() : 0;
    const until = shownAt + Math.max(this.sinceShown, cut);
    const due = this.ahead.findIndex((event) => Date.parse(event.at) > until);
    const events = due < 0 ? this.ahead : this.ahead.slice(0, due);
    const last = events.at(-1);
    if (!last) return;
    this.view = fold(this.view, events);
    this.ahead = this.ahead.slice(events.length);
    this.sinceShown = cut ? 0 : Math.max(0, until - Date.parse(last.at));
    this.onMoment(events);
  }
}
