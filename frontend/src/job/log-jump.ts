/** Goes to a place in the log that the reader names: a number, a line, or a time. */

import type { JobEvent } from '../client';
import { callApi } from '../elements/api';
import { openDialog } from '../elements/dialog';
import { html } from '../text/html';
import { type HistoryPages, PAGE_SIZE } from './history-pages';
import { type LinePlace, parseLineRange } from './log-lines';

const LINE = /^\d+(?:\.\d+)?$/;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/;
const DAY_MS = 86_400_000;

/** Ask for a place; `go` returns whether there is one. */
export function openJump(go: (words: string) => Promise<boolean>): void {
  const dialog = openDialog(
    'Go to',
    html`<p><input class="field" name="place" autofocus autocomplete="off" aria-label="A number, a line or a time"
        aria-describedby="jump-help" /></p>
      <p class="muted" id="jump-help">An event’s number (<kbd>812</kbd>), a line (<kbd>812.3</kbd>), or a time
        (<kbd>14:03</kbd>, <kbd>14:03:20</kbd>).</p>
      <p class="bad" role="alert"></p>
      <div class="dialog-acts"><button class="button is-main">Go</button></div>`,
  );
  const field = dialog.querySelector('input');
  const problem = dialog.querySelector('[role=alert]');
  dialog.querySelector('form')?.addEventListener('submit', async (event) => {
    event.preventDefault();
    const there = await go(field?.value ?? '').catch(() => false);
    if (there) dialog.close();
    else if (problem) problem.textContent = 'There is no such place in this log.';
  });
}

/** Return the place that somebody means, or null. Throws what `callApi` throws. */
export async function findPlace(
  words: string,
  job: string,
  history: HistoryPages,
): Promise<LinePlace | null> {
  const meant = words.trim().replace(/^#/, '');
  const [line] = (LINE.test(meant) && parseLineRange(meant)) || [];
  if (line) return line.seq >= 1 && line.seq <= history.head ? line : null;
  const time = (seq: number) => timeOf(job, seq);
  const start = await time(1);
  const at = CLOCK.test(meant) ? clockTimeAfter(meant, start) : Date.parse(meant);
  if (Number.isNaN(at)) return null;
  return { seq: await firstSince(at, history, time), part: 1 };
}

/** The first moment at a time of day, not before `start`'s minute. */
export function clockTimeAfter(clock: string, start: number): number {
  const [, hours = 0, minutes = 0, seconds = 0] = (CLOCK.exec(clock) ?? []).map((part = '0') =>
    Number(part),
  );
  const day = new Date(start);
  day.setHours(hours, minutes, 0, seconds * 1000);
  const at = day.getTime();
  return at < start - 60_000 ? at + DAY_MS : at;
}

/** The seq of the first event at `at` or later; the head if there is none. */
async function firstSince(
  at: number,
  history: HistoryPages,
  time: (seq: number) => Promise<number>,
): Promise<number> {
  let [low, high] = [0, history.count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((await time(middle * PAGE_SIZE + 1)) < at) low = middle;
    else high = middle - 1;
  }
  const events = await history.load(low);
  const found = events.find((event) => Date.parse(event.at) >= at);
  return found?.seq ?? Math.min(history.head, (low + 1) * PAGE_SIZE + 1);
}

async function timeOf(job: string, seq: number): Promise<number> {
  const path = `/api/jobs/${job}/events?after=${seq - 1}&limit=1`;
  const { events } = await callApi<{ readonly events: readonly JobEvent[] }>(path);
  return Date.parse(events[0]?.at ?? '');
}
