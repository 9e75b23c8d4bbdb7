/**
 * The state of a job as the fold of its events, by the same rules as the server's fold: at each seq both
 * have the same state. Pure: no clock, no randomness.
 */

import type {
  EventData,
  EventOf,
  JobEvent,
  JobStatus,
  Plan,
  StepError,
  StepStatus,
  WaitingFor,
} from './types.js';
import { upcast } from './upcast.js';

/** One step of a run: its newest try. Times are RFC 3339. */
export interface StepView {
  readonly step: string;
  readonly target: string | null;
  readonly occurrence: number;
  readonly status: StepStatus;
  readonly try: number;
  readonly attempt: number;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly seconds: number | null;
  readonly error: StepError | null;
  /** The answer or signal that has arrived, if a gate or a wait is still `running`. */
  readonly result: unknown;
  /** When a sleep ends, a wait times out, or the next try is due, if so. */
  readonly until?: string;
  /** The host whose turn a `running` try waits for before it begins its work. */
  readonly place?: string;
  /** Of a step that a fork does not run again: the seq of the other job's event that ended it. */
  readonly kept?: number;
  /** From `step.progressed` of this try; the server's state does not keep it. */
  readonly progress?: { readonly done: number; readonly total: number };
}

/** The data of `job.submitted`, and who submitted the job. */
export interface Submitted extends Omit<EventData['job.submitted'], 'total'> {
  readonly by: string;
}

/** The state of a job at one seq (`head`), with the names of `GET /api/jobs/<id>`. */
export interface JobView {
  /** Empty before `job.submitted`. */
  readonly status: JobStatus | '';
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly attempt: number;
  readonly head: number;
  readonly head_hash: string;
  readonly submitted_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly last_at: string | null;
  readonly message: string;
  readonly waiting_for: readonly WaitingFor[];
  /** By `stepKey`, in the order of their first start. */
  readonly steps: ReadonlyMap<string, StepView>;
  readonly submitted: Submitted | null;
  /** Of the terminal event. */
  readonly failed_targets: readonly string[];
  readonly result: unknown;
}

/** The terminal statuses. */
export const TERMINAL: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);

/** The job before its first event. */
export const NOTHING: JobView = {
  status: '',
  done: 0,
  total: 0,
  failed: 0,
  attempt: 0,
  head: 0,
  head_hash: '',
  submitted_at: null,
  started_at: null,
  finished_at: null,
  last_at: null,
  message: '',
  waiting_for: [],
  steps: new Map(),
  submitted: null,
  failed_targets: [],
  result: null,
};

const NO_PLAN: Plan = { steps: [], groups: [], words: '' };

/** The key of a step. */
export function stepKey(step: string, target: string | null = null, occurrence = 1): string {
  return `${step}\n${target ?? ''}\n${occurrence}`;
}

/** Return the plan that a view's job was submitted with, or null before that. */
export function planOf(view: JobView): Plan | null {
  return view.submitted?.plan ?? null;
}

/**
 * Return the view after `events`, which must be in order; `view` does not change. Events that it has
 * folded already are skipped, so a view from the server can be combined with a follower from 0.
 */
export function fold(view: JobView, events: Iterable<JobEvent>): JobView {
  let next = view;
  let steps: Map<string, StepView> | null = null;
  for (const stored of events) {
    if (stored.seq <= next.head) continue;
    const event = upcast(stored);
    const step = nextStep(steps ?? view.steps, event) ?? answeredStep(steps ?? view.steps, event);
    if (step) {
      steps ??= new Map(view.steps);
      steps.set(stepKey(step.step, step.target, step.occurrence), step);
    }
    const head = { head: event.seq, head_hash: event.hash, last_at: event.at };
    next = { ...next, ...head, ...changes(next, event) };
  }
  return steps ? { ...next, steps } : next;
}

function changes(view: JobView, event: JobEvent): Partial<JobView> {
  switch (event.type) {
    case 'job.submitted':
      return submitted(event);
    case 'job.extended':
      return extended(view, event);
    case 'attempt.started':
      return {
        status: outlastsAttempt(view.status) ? view.status : 'running',
        attempt: event.attempt,
        started_at: view.started_at ?? event.at,
        waiting_for: [],
      };
    case 'job.progressed': {
      const { done = view.done, total = view.total, failed = view.failed } = event.data;
      return { done, total, failed };
    }
    case 'job.waiting':
      return { status: 'waiting', waiting_for: waitsOf(event.data) };
    case 'job.approval_requested': {
      const others = view.status === 'waiting' ? view.waiting_for : [];
      return { status: 'waiting', waiting_for: [...others, { ...event.data, for: 'approval' }] };
    }
    case 'job.paused':
      return { status: 'paused' };
    case 'job.approved':
    case 'job.rejected':
      return { status: 'running', waiting_for: [] };
    case 'job.resumed':
      return { status: view.attempt > 0 ? 'running' : 'queued', waiting_for: [] };
    case 'job.cancel_requested':
      return { status: 'cancelling' };
    case 'job.succeeded':
      return ended('succeeded', event);
    case 'job.failed': {
      const after = ended('failed', event);
      return {
        ...after,
        failed_targets: [...view.failed_targets, ...(after.failed_targets ?? [])],
      };
    }
    case 'job.cancelled':
      return ended('cancelled', event);
    case 'system.closed':
      return ended('succeeded', event);
    default:
      return {};
  }
}

/** What `job.waiting` lists: targets that other jobs hold, or what the run itself waits for. */
function waitsOf({
  targets = [],
  waits: own = [],
}: EventData['job.waiting']): readonly WaitingFor[] {
  return targets.length ? targets : own;
}

/** Whether a status is kept when another attempt starts. */
function outlastsAttempt(status: string): boolean {
  return status === 'cancelling' || status === 'paused';
}

function submitted({ actor, at, data }: EventOf<'job.submitted'>): Partial<JobView> {
  const { total = 0, ...rest } = data;
  // What a schedule could not submit has none, in logs of earlier versions.
  const plan = { ...NO_PLAN, ...rest.plan };
  return { status: 'queued', submitted_at: at, total, submitted: { ...rest, plan, by: actor } };
}

/** Add what did not fit into `job.submitted` or `job.failed`. */
function extended(view: JobView, { data }: EventOf<'job.extended'>): Partial<JobView> {
  const { parts = [], failed_targets = [] } = data;
  return {
    failed_targets: [...view.failed_targets, ...failed_targets],
    submitted: parts.reduce<Submitted | null>(
      (whole, { at, items }) => whole && (withItems(whole, at, items) as Submitted),
      view.submitted,
    ),
  };
}

/** Return a JSON value with items added to the list at a path, or unchanged if there is no list. */
function withItems(
  value: unknown,
  [key, ...rest]: readonly (string | number)[],
  items: readonly unknown[],
): unknown {
  if (key === undefined) return Array.isArray(value) ? [...value, ...items] : value;
  if (Array.isArray(value)) {
    return value.map((member, place) => (place === key ? withItems(member, rest, items) : member));
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  const members = value as Readonly<Record<string | number, unknown>>;
  return { ...members, [key]: withItems(members[key], rest, items) };
}

function ended(
  status: JobStatus,
  { at, data }: EventOf<'job.succeeded' | 'job.failed' | 'job.cancelled' | 'system.closed'>,
): Partial<JobView> {
  const { message = '', failed_targets = [], result = null } = data;
  return { status, finished_at: at, waiting_for: [], message, failed_targets, result };
}

const STEP_STATUS: Readonly<Record<string, StepStatus>> = {
  'step.started': 'running',
  'step.succeeded': 'succeeded',
  'step.failed': 'failed',
  'step.retried': 'retried',
  'step.skipped': 'skipped',
};

/** What the events of a step may carry, whichever type they have. */
type Outcome = Partial<
  EventData['step.started'] & EventData['step.succeeded'] & EventData['step.failed']
>;

function nextStep(steps: ReadonlyMap<string, StepView>, event: JobEvent): StepView | null {
  const { step: name, target = null } = event;
  if (name === undefined) return null;
  if (event.type === 'step.progressed') return progressed(steps, name, target, event.data);
  const status = event.type === 'step.kept' ? event.data.status : STEP_STATUS[event.type];
  if (status === undefined) return null;
  const data = event.data as Outcome;
  const occurrence = data.occurrence ?? 1;
  const before = steps.get(stepKey(name, target, occurrence));
  const tries = data.try ?? before?.try ?? 0;
  const { seconds = null, error = null, result = null, until } = data;
  const which = { step: name, target, occurrence, status, try: tries };
  const due = until === undefined ? {} : { until };
  if (status === 'running') {
    const nothing = { finished_at: null, seconds: null, error: null, result: null };
    const waits = data.place === undefined ? {} : { place: data.place };
    return { ...which, attempt: event.attempt, started_at: event.at, ...nothing, ...due, ...waits };
  }
  const { attempt = event.attempt, started_at = null } = before ?? {};
  const progress = before?.progress ? { progress: before.progress } : {};
  const ended = { finished_at: event.at, seconds, error, result };
  const kept = event.type === 'step.kept' ? { kept: event.data.seq } : {};
  return { ...which, attempt, started_at, ...ended, ...due, ...progress, ...kept };
}

/** Return the waiting step that an event answers (an approval, a rejection, a signal). */
function answeredStep(steps: ReadonlyMap<string, StepView>, event: JobEvent): StepView | null {
  const { by, at } = { by: event.actor, at: event.at };
  switch (event.type) {
    case 'job.approved':
    case 'job.rejected': {
      const approved = event.type === 'job.approved';
      const word = { approved, by, at, reason: event.data.reason ?? '' };
      return withAnswer(steps, event.data.gate, word);
    }
    case 'job.resumed':
      return withAnswer(steps, event.data.signal, { data: event.data.data ?? null, by, at });
    default:
      return null;
  }
}

function withAnswer(
  steps: ReadonlyMap<string, StepView>,
  name: string | undefined,
  word: unknown,
): StepView | null {
  const step = name === undefined ? null : newestOccurrence(steps, name, null);
  return step && step.status === 'running' && step.result === null
    ? { ...step, result: word }
    : null;
}

/** Return the step after `step.progressed`, which applies to the newest occurrence. */
function progressed(
  steps: ReadonlyMap<string, StepView>,
  name: string,
  target: string | null,
  { done, total }: EventData['step.progressed'],
): StepView | null {
  const newest = newestOccurrence(steps, name, target);
  return newest && newest.status === 'running' ? { ...newest, progress: { done, total } } : null;
}

/** Return the newest occurrence of a step on a target (null: on none), or null if it has not started. */
export function newestOccurrence(
  steps: ReadonlyMap<string, StepView>,
  name: string,
  target: string | null,
): StepView | null {
  let newest: StepView | null = null;
  for (let occurrence = 1; ; occurrence += 1) {
    const step = steps.get(stepKey(name, target, occurrence));
    if (step === undefined) return newest;
    newest = step;
  }
}

/** A job's state as the server's fold records it and `GET /api/jobs/<id>` shows it. */
export type RecordedState = Omit<JobView, 'steps' | 'submitted' | 'failed_targets' | 'result'> & {
  readonly steps: readonly Omit<StepView, 'progress'>[];
};

/** Return the part of a view that the server's fold also has, in the server's form. */
export function recorded(view: JobView): RecordedState {
  const { steps, submitted: _submitted, failed_targets: _targets, result: _result, ...rest } = view;
  return { ...rest, steps: [...steps.values()].map(({ progress: _progress, ...step }) => step) };
}
