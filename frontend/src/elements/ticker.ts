/** Texts that change only with time: ages, durations, countdowns. They share one timer. */

import { clockTime, duration, exactTime, momentTime, relativeTime } from '../text/format';
import { serverClock } from './server-clock';

const ticking = new Set<{ tick(now: number): void }>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Call `one.tick` about four times a second until `leave`. */
export function startTicking(one: { tick(now: number): void }): void {
  ticking.add(one);
  timer ??= setInterval(() => {
    if (!document.hidden) tickAll();
  }, 250);
}

function tickAll(): void {
  const now = serverClock.displayTime();
  for (const each of ticking) each.tick(now);
}

serverClock.onFreezeChange = tickAll;

/** Stop calling `one.tick`. */
export function stopTicking(one: { tick(now: number): void }): void {
  ticking.delete(one);
  if (ticking.size || timer === undefined) return;
  clearInterval(timer);
  timer = undefined;
}

abstract class Ticking extends HTMLElement {
  connectedCallback(): void {
    this.tick(serverClock.displayTime());
    startTicking(this);
  }

  disconnectedCallback(): void {
    stopTicking(this);
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.tick(serverClock.displayTime());
  }

  /** Write the text for this moment, if it has changed. */
  tick(now: number): void {
    const text = this.text(now);
    if (this.textContent !== text) this.textContent = text;
  }

  protected abstract text(now: number): string;
}

/** `<reprise-since at="…">`: the time since then, counting up; with `until`, a fixed duration. */
export class ElapsedTime extends Ticking {
  static readonly observedAttributes = ['at', 'until', 'coarse'];

  protected text(now: number): string {
    const from = Date.parse(this.getAttribute('at') ?? '');
    const until = this.getAttribute('until');
    const seconds = ((until ? Date.parse(until) : now) - from) / 1000;
    return Number.isNaN(seconds) ? '' : duration(seconds, this.hasAttribute('coarse'));
  }
}

/**
 * `<reprise-time at="…">`: a relative time, the time of day with `form="clock"`, or date, time and zone
 * with `form="moment"`; in UTC on hover.
 */
export class InstantTime extends Ticking {
  static readonly observedAttributes = ['at', 'form'];

  protected text(now: number): string {
    const at = new Date(this.getAttribute('at') ?? '');
    if (Number.isNaN(at.getTime())) return '';
    this.title = exactTime(at);
    switch (this.getAttribute('form')) {
      case 'clock':
        return clockTime(at);
      case 'moment':
        return momentTime(at, new Date(now));
      default:
        return relativeTime(at, new Date(now));
    }
  }
}

/**
 * `<reprise-until at="…">`: a countdown, `in 4 s`, then `now`. With `own` it uses the reader's clock,
 * which also runs without a connection.
 */
export class Countdown extends Ticking {
  static readonly observedAttributes = ['at', 'own'];

  protected text(now: number): string {
    const from = this.hasAttribute('own') ? Date.now() : now;
    const seconds = Math.ceil((Date.parse(this.getAttribute('at') ?? '') - from) / 1000);
    return seconds > 0 ? `in ${duration(seconds, true)}` : 'now';
  }
}

customElements.define('reprise-since', ElapsedTime);
customElements.define('reprise-time', InstantTime);
customElements.define('reprise-until', Countdown);
