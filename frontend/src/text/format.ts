/** Formats numbers, times, durations and ids. Pure: `now` is always a parameter. */

const NBSP = '\u00a0';
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `1204` → `1,204`. */
export function count(n: number | bigint): string {
  return n.toLocaleString('en-GB');
}

/** `1, "server"` → `1 server`; `3, "try", "tries"` → `3 tries`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)}${NBSP}${n === 1 ? one : many}`;
}

/** Seconds as `1.8 s`, `42.0 s`, `2 m 04 s`, `1 h 04 m`, `2 d 03 h`; `coarse` drops the tenths. */
export function duration(seconds: number, coarse = false): string {
  const s = Math.max(0, seconds);
  if (s < 59.95 && !coarse) return `${s.toFixed(1)}${NBSP}s`;
  const whole = Math.round(s);
  if (whole < 60) return `${whole}${NBSP}s`;
  if (whole < 3600) return pair(whole, 60, 'm', 's');
  if (whole < 86_400) return pair(Math.floor(whole / 60), 60, 'h', 'm');
  return pair(Math.floor(whole / 3600), 24, 'd', 'h');
}

function pair(units: number, per: number, big: string, small: string): string {
  const rest = String(units % per).padStart(2, '0');
  return `${Math.floor(units / per)}${NBSP}${big}${NBSP}${rest}${NBSP}${small}`;
}

/** An estimate, rounded to its precision: `about 2 m left`, `a few seconds left`. */
export function remainingTime(seconds: number): string {
  if (seconds < 8) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5}${NBSP}s left`;
  if (seconds < 3600) return `about ${Math.max(1, Math.round(seconds / 60))}${NBSP}m left`;
  return `about ${duration(Math.round(seconds / 300) * 300, true)} left`;
}

/** The zone that the reader chose; undefined for the browser's. */
let chosenZone: string | undefined;

/** Show times in this zone, or in the browser's; in the browser's too where it does not know that one. */
export function chooseZone(zone: string | undefined): void {
  chosenZone = zone;
  try {
    formats = makeFormats();
  } catch {
    chooseZone(undefined);
  }
}

let formats = makeFormats();

chooseZone(globalThis.document?.documentElement?.dataset?.zone);

function makeFormats() {
  const zone = chosenZone ? { timeZone: chosenZone } : {};
  const two = '2-digit' as const;
  const time = { hour: two, minute: two, second: two, hourCycle: 'h23' as const };
  const day = { year: 'numeric', month: 'numeric', day: 'numeric' } as const;
  return {
    fields: new Intl.DateTimeFormat('en-GB', { ...zone, ...day, ...time }),
    zone: new Intl.DateTimeFormat('en-GB', { ...zone, timeZoneName: 'short' }),
  };
}

/** The year, month (from 1), day, hour, minute and second of a moment in the reader's zone. */
function fieldsOf(at: Date): readonly number[] {
  if (!chosenZone) {
    const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()];
    return [...date, at.getHours(), at.getMinutes(), at.getSeconds()];
  }
  const parts = new Map(formats.fields.formatToParts(at).map(({ type, value }) => [type, value]));
  const names = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
  return names.map((name) => Number(parts.get(name)));
}

/** The time of day in the reader's zone: `14:02:11`, with `millis` `14:02:11.118`. */
export function clockTime(at: Date, millis = false): string {
  const [h, m, s] = fieldsOf(at).slice(3).map(two);
  return `${h}:${m}:${s}${millis ? `.${String(at.getMilliseconds()).padStart(3, '0')}` : ''}`;
}

/**
 * An instant relative to `now`: `just now`, `42 s ago`, `4 m ago`, `3 h ago`, `yesterday 14:02`,
 * `21 Nov 14:02`; one to come: `in 42 s`, `in 4 m`, `in 3 h`, `tomorrow 03:30`.
 */
export function relativeTime(at: Date, now: Date): string {
  const s = (now.getTime() - at.getTime()) / 1000;
  if (Math.abs(s) < 5) return 'just now';
  if (Math.abs(s) < 6 * 3600) return s > 0 ? `${timeSpan(s)} ago` : `in ${timeSpan(-s)}`;
  const time = clockTime(at).slice(0, 5);
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days === 0) return `today ${time}`;
  if (days === 1) return `yesterday ${time}`;
  if (days === -1) return `tomorrow ${time}`;
  return `${dayName(at, now)} ${time}`;
}

function timeSpan(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}${NBSP}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${NBSP}m`;
  return `${Math.floor(seconds / 3600)}${NBSP}h`;
}

/** A moment in the reader's zone: `29 Nov 17:12 CET`; with the year unless it is that of `now`. */
export function momentTime(at: Date, now: Date): string {
  return `${dayName(at, now)} ${clockTime(at).slice(0, 5)} ${zoneName(at)}`;
}

function dayName(at: Date, now: Date): string {
  const [year = 0, month = 1, day] = fieldsOf(at);
  return `${day}${NBSP}${MONTHS[month - 1]}${year === fieldsOf(now)[0] ? '' : ` ${year}`}`;
}

/** The reader's zone at a moment: `CET`, `UTC`, or `GMT-5` where it has no short name. */
export function zoneName(at: Date): string {
  const parts = formats.zone.formatToParts(at);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

/** The exact instant, for tooltips, the same for every reader: `2026-11-22 13:02:11.118 UTC`. */
export function exactTime(at: Date): string {
  return `${at.toISOString().replace('T', ' ').slice(0, -1)} UTC`;
}

/** The last eight digits of an id; the first ones, the time of a UUIDv7, are the same for all jobs of a minute. */
export function shortId(id: string): string {
  return id.slice(-8);
}

/** Who submitted a job: `demo, by token`. An imported one was submitted elsewhere, whatever the name. */
export function submitterName(job: {
  readonly submitted_by: string;
  readonly imported_at: string | null;
}): string {
  const [kind, name = ''] = job.submitted_by.split(/[:/]/);
  const by = kind === 'token' && name ? `${name}, by token` : actorName(job.submitted_by);
  return job.imported_at ? `${by} (imported)` : by;
}

/** `user:operator` → `operator`, `worker:host-3/812` → `worker host-3/812`, `token:ci` → `token ci`. */
export function actorName(actor: string): string {
  const [kind, ...rest] = actor.split(':');
  const name = rest.join(':');
  return kind === 'user' && name ? name : [kind, name].filter(Boolean).join(' ');
}

/** `version-update` → `Version update`, `health` → `Health`; for names without a title. */
export function titleFromName(name: string): string {
  const words = name.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A text as a sentence. */
export function withFullStop(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

function midnight(at: Date): number {
  const [year = 0, month = 1, day] = fieldsOf(at);
  return Date.UTC(year, month - 1, day);
}
