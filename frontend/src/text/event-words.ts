/** Describes an event in one sentence; `frontend/words.py` does the same for the history page. */

import {
  type EventData,
  type EventOf,
  type JobEvent,
  type PlanGroup,
  plainText,
  type WaitingFor,
} from '../client';
import { reveal } from './characters';
import { count, duration, plural, shortId } from './format';
import { systemWords } from './system-words';

/** The words for statuses whose name in the protocol is not one. */
export const STATUS_WORDS: Readonly<Record<string, string>> = {
  'rolled-back': 'rolled back',
  pending: 'not started',
  retried: 'tried again',
};

/** The word for a status. */
export function statusWord(status: string): string {
  return STATUS_WORDS[status] ?? status;
}

/** Return an event, or a part of one, with every text in it as a terminal would show it, and nothing hidden. */
export function makeLegible<T>(value: T): T {
  if (typeof value === 'string') return reveal(plainText(value)) as T;
  if (Array.isArray(value)) return value.map(makeLegible) as T;
  if (!value || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.entries(value).map(([name, one]) => [name, makeLegible(one)]);
  return Object.fromEntries(members) as T;
}

/** Describe an event; the sentence names its step and target, if any. */
export function eventWords(event: JobEvent): string {
  return jobWords(makeLegible(event));
}

function jobWords(event: JobEvent): string {
  switch (event.type) {
    case 'job.submitted':
      return submittedWords(event.data);
    case 'job.extended':
      return extendedWords(event.data);
    case 'attempt.started':
      return attemptWords(event);
    case 'job.progressed':
      return progressWords(event.data.done ?? 0, event.data.total ?? 0, event.data.failed ?? 0);
    case 'job.waiting':
      return waitingWords(event.data);
    case 'job.paused':
      return withReason('Paused', event.data);
    case 'job.resumed':
      return event.data.signal
        ? `The signal “${event.data.signal}” came`
        : withReason('Went on', event.data);
    case 'job.cancel_requested':
      return withReason('Asked the run to stop', event.data);
    case 'job.approval_requested':
      return withReason(atGate('Asked for approval', event.data), { reason: event.data.words });
    case 'job.approved':
      return withReason(atGate('Approved', event.data), event.data);
    case 'job.rejected':
      return withReason(atGate('Rejected', event.data), event.data);
    case 'job.succeeded':
      return withReason('Succeeded', { reason: event.data.message });
    case 'job.failed':
      return withReason('Failed', { reason: event.data.message });
    case 'job.cancelled':
      return withReason('Cancelled', { reason: event.data.message });
    default:
      return event.type.startsWith('system.') ? systemWords(event) : stepWords(event);
  }
}

function submittedWords(data: EventData['job.submitted']): string {
  const { title, retry_of: again, forked_from: source } = data;
  if (source) {
    return `Submitted “${title}”, which goes on from event ${count(source.seq)} of #${shortId(source.job)}`;
  }
  return again ? `Submitted “${title}”, a retry of #${shortId(again)}` : `Submitted “${title}”`;
}

function extendedWords({ parts = [], failed_targets = [] }: EventData['job.extended']): string {
  if (failed_targets.length) return `${plural(failed_targets.length, 'target')} failed`;
  const items = parts.flatMap((part) => part.items);
  return `${plural(items.flatMap(namesIn).length, 'name')} more`;
}

/** Return the names in an added item, which is a name or a group of the plan. */
function namesIn(item: unknown): readonly unknown[] {
  return typeof item === 'string' ? [item] : ((item as PlanGroup).targets ?? []);
}

function attemptWords({ attempt, data: { worker, lost } }: EventOf<'attempt.started'>): string {
  if (attempt === 1) return `${worker} took the job`;
  const took = `Attempt ${attempt}: ${worker} took over`;
  return lost ? `${took}, attempt ${lost.attempt} on ${lost.worker} ended without a word` : took;
}

function stepWords(event: JobEvent): string {
  const step = event.step ?? 'step';
  switch (event.type) {
    case 'step.started':
      if (event.data.place) return `${step} waits for its turn on ${event.data.place}`;
      return event.data.try > 1 ? `${step} started, try ${event.data.try}` : `${step} started`;
    case 'step.output':
      return firstLine(event.data.text);
    case 'step.progressed':
      return `${step}: ${count(event.data.done)} of ${count(event.data.total)}`;
    case 'step.succeeded':
      return `${step} succeeded in ${duration(event.data.seconds)}`;
    case 'step.failed':
      return `${step} failed after ${duration(event.data.seconds)}: ${shortMessage(event.data.error.message, step)}`;
    case 'step.retried':
      return event.data.error
        ? `${step} is tried again: ${shortMessage(event.data.error.message, step)}`
        : `${step} is tried again`;
    case 'step.skipped':
      return event.data.reason ? `${step} skipped: ${event.data.reason}` : `${step} skipped`;
    case 'step.kept':
      return `${step} kept, not run again: ${event.data.status}`;
    default:
      return event.type;
  }
}

function atGate(words: string, { gate }: { readonly gate?: string | undefined }): string {
  return gate ? `${words} at the gate “${gate}”` : words;
}

function withReason(words: string, { reason }: { readonly reason?: string | undefined }): string {
  return reason ? `${words}: ${reason}` : words;
}

/** Return an error's message without the prefix that repeats which step failed. */
function shortMessage(message: string, step: string): string {
  const prefix = `${step} failed: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** What a run waits for, to follow "Waiting for". */
export function waitWords(wait: WaitingFor): string {
  const { name, target, until } = wait;
  switch (wait.for) {
    case 'limit':
      return `its turn: at most ${plural(wait.limit ?? 0, `${wait.kind} job`)} at a time`;
    case 'kind':
      return wait.reason
        ? `a worker with another version of the kind ${wait.kind}: ${wait.reason.replace(/\.$/, '')}`
        : `a worker that knows the kind ${wait.kind}`;
    case 'system':
      return 'the next event of the system';
    case 'timer':
      if (until && name === 'start') return `its start at ${momentWords(until)}`;
      return until ? momentWords(until) : 'a timer';
    case 'retry': {
      const what = [`another try of ${name}`, target ? ` on ${target}` : ''].join('');
      return until ? `${what} at ${momentWords(until)}` : what;
    }
    case 'signal':
      return `the signal “${name}”${until ? ` until ${momentWords(until)}` : ''}`;
    case 'approval':
      return `approval at the gate “${wait.gate}”`;
    default:
      return target ?? 'something';
  }
}

/** A moment without its fraction: `2026-11-22 09:00:05 UTC`. */
function momentWords(moment: string): string {
  return `${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC`;
}

function waitingWords(data: EventData['job.waiting']): string {
  const held = (data.targets ?? []).map(
    ({ target, job }) => `${target}, held by ${job ? `#${shortId(job)}` : 'another team’s job'}`,
  );
  held.push(...(data.waits ?? []).map(waitWords));
  return `Waiting for ${held.length ? held.join('; ') : data.for}`;
}

/** `7 of 12 done, 1 failed`. */
export function progressWords(done: number, total: number, failed: number): string {
  const tail = failed ? `, ${count(failed)} failed` : '';
  return total ? `${count(done)} of ${count(total)} done${tail}` : `${count(done)} done${tail}`;
}

/** List names, with a number for the rest: `gs-001, gs-002 and 4 more`. */
export function listNames(list: readonly string[], most = 4): string {
  if (list.length <= most) return list.length > 1 ? joined(list) : (list[0] ?? '');
  return `${list.slice(0, most - 1).join(', ')} and ${plural(list.length - most + 1, 'more', 'more')}`;
}

function joined(list: readonly string[]): string {
  return `${list.slice(0, -1).join(', ')} and ${list.at(-1)}`;
}

function firstLine(text: string): string {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  return rest.length ? `${first} (+ ${plural(rest.length, 'line')})` : first;
}

const GLYPHS: Readonly<Record<string, string>> = {
  'job.submitted': 'queued',
  'job.extended': 'queued',
  'attempt.started': 'running',
  'job.waiting': 'waiting',
  'job.paused': 'paused',
  'job.resumed': 'running',
  'job.approval_requested': 'waiting',
  'job.approved': 'succeeded',
  'job.rejected': 'failed',
  'job.cancel_requested': 'cancelling',
  'job.cancelled': 'cancelled',
  'job.succeeded': 'succeeded',
  'job.failed': 'failed',
  'step.started': 'running',
  'step.succeeded': 'succeeded',
  'step.failed': 'failed',
  'step.retried': 'retried',
  'step.skipped': 'skipped',
  'step.kept': 'queued',
  'system.sign_in_failed': 'failed',
};

/** The glyph of an event; `''` for none. */
export function eventGlyph(type: string): string {
  return GLYPHS[type] ?? '';
}
