/** The wire's JSON as types: events, frames, a job's statuses and plan (stream protocol, version 1). */

/** A job's statuses; the last three are terminal: nothing is ever appended after them. */
export type JobStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'cancelling'
  | 'succeeded'
  | 'failed'
  | 'cancelled';

/** A step's statuses. A step that has not started has no state at all. */
export type StepStatus = 'running' | 'succeeded' | 'failed' | 'retried' | 'skipped';

/** What a job means to do, made from its params when it was submitted. */
export interface Plan {
  readonly steps: readonly string[];
  readonly groups: readonly PlanGroup[];
  /** The plan in plain sentences. */
  readonly words: string;
}

/** Targets that are worked on together, in order. */
export interface PlanGroup {
  readonly name: string;
  readonly targets: readonly string[];
}

/**
 * What a job waits for. Without `for`: a target, and the job that holds it. Else the run itself
 * waits, `until` a moment where there is one: for a timer or a step's next try (`name`), for a
 * signal (`name`), for an approval (`gate`); or for its turn, where at most `limit` jobs of its
 * `kind` run at a time; or for a worker that knows its `kind`.
 */
export interface WaitingFor {
  readonly target?: string | null;
  readonly job?: string | null;
  readonly for?: 'timer' | 'retry' | 'signal' | 'approval' | 'limit' | 'kind' | null;
  readonly name?: string | null;
  readonly until?: string | null;
  readonly gate?: string | null;
  readonly kind?: string | null;
  readonly limit?: number | null;
  readonly words?: string | null;
  readonly not_by_submitter?: boolean | null;
}

/** Why a step failed. */
export interface StepError {
  readonly type: string;
  readonly message: string;
}

/** Outcome of a try: its number, which occurrence of the step it belongs to, and how long it took. */
interface TryData {
  readonly try: number;
  readonly occurrence: number;
  readonly seconds: number;
}

/** `data` of a terminal event. */
export interface EndData {
  readonly message: string;
  readonly failed_targets?: readonly string[];
  readonly result?: unknown;
}

/** What each type of event carries in `data`. */
export interface EventData {
  'job.submitted': {
    readonly kind: string;
    readonly title: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly labels: Readonly<Record<string, string>>;
    readonly plan: Plan;
    readonly team: string | null;
    readonly retry_of: string | null;
    /** What the run counts to. Version 1 counted the plan's targets: see `upcast.ts`. */
    readonly total?: number;
    readonly start_at?: string;
    readonly priority?: number;
    /** How many `job.extended` events complete it. */
    readonly extended?: number;
  };
  'job.extended': {
    /** What is to be added at the end of the list at a path in `data` of `job.submitted`. */
    readonly parts?: readonly {
      readonly at: readonly (string | number)[];
      readonly items: readonly unknown[];
    }[];
    /** The first of those that `job.failed` blames. */
    readonly failed_targets?: readonly string[];
  };
  'attempt.started': {
    readonly worker: string;
    /** The attempt before, where it ended without a word. */
    readonly lost?: { readonly attempt: number; readonly worker: string; readonly heard: string };
  };
  'job.progressed': { readonly done?: number; readonly total?: number; readonly failed?: number };
  'job.waiting': {
    readonly for: string;
    readonly targets?: readonly WaitingFor[];
    readonly waits?: readonly WaitingFor[];
    readonly count?: number;
  };
  'job.paused': { readonly reason?: string };
  'job.resumed': { readonly reason?: string; readonly signal?: string; readonly data?: unknown };
  'job.cancel_requested': { readonly reason?: string };
  'job.approval_requested': {
    readonly gate?: string;
    readonly words?: string;
    readonly not_by_submitter?: boolean;
    readonly until?: string;
  };
  'job.approved': { readonly gate?: string; readonly reason?: string };
  'job.rejected': { readonly gate?: string; readonly reason?: string };
  'job.succeeded': EndData;
  'job.failed': EndData;
  'job.cancelled': EndData;
  'step.started': {
    readonly try: number;
    readonly occurrence: number;
    readonly for?: string;
    readonly until?: string;
    readonly place?: string;
  };
  'step.output': { readonly text: string; readonly stream?: 'out' | 'err' };
  'step.progressed': { readonly done: number; readonly total: number };
  'step.succeeded': TryData & { readonly result?: unknown };
  'step.failed': TryData & { readonly error: StepError };
  'step.retried': TryData & { readonly error?: StepError; readonly until?: string };
  'step.skipped': { readonly reason?: string; readonly occurrence?: number };
}

/** Every event type of this protocol version. */
export type EventType = keyof EventData;

/** One fact about a job, immutable. `at` is RFC 3339 in UTC, `hash` 64 hex digits. */
export interface EventOf<T extends EventType> {
  readonly seq: number;
  readonly type: T;
  readonly version: number;
  readonly at: string;
  readonly actor: string;
  readonly attempt: number;
  readonly step?: string;
  readonly target?: string;
  readonly data: EventData[T];
  readonly hash: string;
  /** The exact text that the server stores and hashes; only where `raw: true` was asked for. */
  readonly raw?: string;
}

/** Any event: narrow it by `type`. A newer server may send types that are not listed here. */
export type JobEvent = { [T in EventType]: EventOf<T> }[EventType];

/** First thing on every connection, before any history is read. */
export interface HelloFrame {
  readonly kind: 'hello';
  readonly protocol: number;
  readonly job: string;
  readonly after: number | string;
  readonly head: number;
  readonly heartbeat_s: number;
}

/** One or more events, contiguous and ascending. */
export interface EventsFrame {
  readonly kind: 'events';
  readonly events: readonly JobEvent[];
}

/** The head at some moment after the request has been sent, or the follower is behind again. */
export interface PlaceFrame {
  readonly kind: 'caught_up' | 'fell_behind';
  readonly seq: number;
  readonly head: number;
}

/** Silence, but alive. */
export interface HeartbeatFrame {
  readonly kind: 'heartbeat';
  readonly head: number;
  readonly at?: string;
}

/** After the terminal event, once. */
export interface EndFrame {
  readonly kind: 'end';
  readonly seq: number;
  readonly status: JobStatus;
}

/** Why the server is about to close. */
export interface ErrorFrame {
  readonly kind: 'error';
  readonly code: string;
  readonly message: string;
  readonly retry_after_s?: number | null;
}

/** Everything a server says on a connection, the same on every transport. */
export type Frame = HelloFrame | EventsFrame | PlaceFrame | HeartbeatFrame | EndFrame | ErrorFrame;
