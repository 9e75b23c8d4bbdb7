/** The types of the stream protocol, version 1: events, frames, statuses and plans. */

/** A job's statuses; the last three are terminal: no event follows them. */
export type JobStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'cancelling'
  | 'succeeded'
  | 'failed'
  | 'cancelled';

/** A step's statuses; a step that has not started has none. */
export type StepStatus = 'running' | 'succeeded' | 'failed' | 'retried' | 'skipped';

/** What a job will do, computed from its params when it was submitted. */
export interface Plan {
  readonly steps: readonly string[];
  readonly groups: readonly PlanGroup[];
  /** The plan in plain sentences. */
  readonly words: string;
}

/** Targets that run at the same time. */
export interface PlanGroup {
  readonly name: string;
  readonly targets: readonly string[];
}

/**
 * What a job waits for. Without `for`: a target, and the job that holds it. Otherwise the run itself
 * waits, perhaps `until` a time: for a timer or a step's next try (`name`), a signal (`name`), an
 * approval (`gate`), its turn (at most `limit` jobs of its `kind` run at a time), or a worker that
 * knows its `kind`; the system's own log waits for its next event.
 */
export interface WaitingFor {
  readonly target?: string | null;
  readonly job?: string | null;
  readonly for?: 'timer' | 'retry' | 'signal' | 'approval' | 'limit' | 'kind' | 'system' | null;
  readonly name?: string | null;
  readonly until?: string | null;
  readonly gate?: string | null;
  readonly kind?: string | null;
  readonly versions?: readonly string[] | null;
  readonly reason?: string | null;
  readonly limit?: number | null;
  readonly words?: string | null;
  readonly not_by_submitter?: boolean | null;
}

/** The event after which a fork goes on from another job. */
export interface ForkSource {
  readonly job: string;
  readonly seq: number;
  readonly hash: string;
}

/** Why a step failed. */
export interface StepError {
  readonly type: string;
  readonly message: string;
}

/** The outcome of a try: its number, the occurrence of the step, and its duration. */
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

/** What an event of the system's own log is about: `user`, `team`, `token`, … and its name. */
interface SystemObject {
  readonly object: string;
  readonly name: string;
}

/** A role, permission or team that somebody gets or loses. */
interface SystemMembership extends SystemObject {
  readonly what: string;
  readonly value: string;
}

type SystemValues = Readonly<Record<string, unknown>>;

/** The `data` of each event type. */
export interface EventData {
  'job.submitted': {
    readonly kind: string;
    readonly title: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly labels: Readonly<Record<string, string>>;
    readonly plan: Plan;
    readonly team: string | null;
    readonly retry_of: string | null;
    /** Of a fork: the event of `retry_of` up to which it keeps what was recorded, and its hash. */
    readonly forked_from?: ForkSource;
    /** The total of the run's progress; version 1 counted the plan's targets (`upcast.ts`). */
    readonly total?: number;
    readonly start_at?: string;
    readonly priority?: number;
    /** The trace that the submission belongs to, as in the W3C's header. */
    readonly traceparent?: string;
    /** The number of `job.extended` events that complete it. */
    readonly extended?: number;
    /** Who made the schedule that submits the job, and who saved it last. */
    readonly authors?: readonly string[];
  };
  'job.extended': {
    /** Items to append to the list at a path in `data` of `job.submitted`. */
    readonly parts?: readonly {
      readonly at: readonly (string | number)[];
      readonly items: readonly unknown[];
    }[];
    /** The first failed targets, if `job.failed` cannot hold all. */
    readonly failed_targets?: readonly string[];
  };
  'attempt.started': {
    readonly worker: string;
    /** The previous attempt, if it ended without an event. */
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
    readonly timeout?: number;
    readonly retry?: Readonly<Record<string, unknown>>;
    readonly input?: unknown;
    readonly span?: number;
  };
  'step.output': {
    readonly text: string;
    readonly stream?: 'out' | 'err';
    /** So many characters before this event are not recorded. */
    readonly left_out?: number;
  };
  'step.progressed': { readonly done: number; readonly total: number };
  'step.succeeded': TryData & { readonly result?: unknown };
  'step.failed': TryData & { readonly error: StepError };
  'step.retried': TryData & { readonly error?: StepError; readonly until?: string };
  'step.skipped': { readonly reason?: string; readonly occurrence?: number };
  /** A step that a fork does not run again; `seq`: the event of the other job that it was. */
  'step.kept': Partial<TryData> & {
    readonly status: 'succeeded' | 'failed' | 'skipped';
    readonly seq: number;
    readonly result?: unknown;
    readonly error?: StepError;
    readonly reason?: string;
  };
  'system.signed_in': { readonly user: string; readonly address: string };
  'system.sign_in_failed': {
    readonly user: string;
    readonly address: string;
    readonly wait_seconds?: number;
    /** `code` where the second factor was wrong, not the password. */
    readonly proof?: string;
  };
  'system.signed_out': { readonly user: string; readonly reason?: string };
  'system.added': SystemObject & { readonly after: SystemValues };
  'system.changed': SystemObject & {
    readonly before: SystemValues;
    readonly after: SystemValues;
    /** Fields that changed and whose values are not recorded. */
    readonly hidden: readonly string[];
  };
  'system.removed': SystemObject & { readonly before: SystemValues };
  'system.granted': SystemMembership;
  'system.withdrawn': SystemMembership;
  'system.configured': {
    readonly process: string;
    readonly settings: SystemValues;
    readonly changed: readonly string[];
  };
  'system.maintained': { readonly operation: string; readonly words: string };
  'system.closed': EndData;
}

/** The event types of this protocol version. */
export type EventType = keyof EventData;

/** An event. `at` is RFC 3339 in UTC, `hash` 64 hex digits. */
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
  /** The exact text that the server stores and hashes; only with `raw: true`. */
  readonly raw?: string;
}

/** Any event; narrow it by `type`. A newer server may send other types. */
export type JobEvent = { [T in EventType]: EventOf<T> }[EventType];

/** The first frame of every connection. */
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

/** Everything up to `head` has come, or the follower is behind again. */
export interface PlaceFrame {
  readonly kind: 'caught_up' | 'fell_behind';
  readonly seq: number;
  readonly head: number;
}

/** Sent when there is nothing else to send. */
export interface HeartbeatFrame {
  readonly kind: 'heartbeat';
  readonly head: number;
  readonly at?: string;
}

/** Sent once, after the terminal event. */
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

/** Everything that a server sends on a connection, the same on every transport. */
export type Frame = HelloFrame | EventsFrame | PlaceFrame | HeartbeatFrame | EndFrame | ErrorFrame;
