/** The types of events by which parts of a job's history are asked for. */

import type { EventType } from '../client';

const STEP_TYPES = [
  'step.started',
  'step.succeeded',
  'step.failed',
  'step.retried',
  'step.skipped',
  'step.kept',
] as const satisfies readonly EventType[];

/** What happens to a job itself, without its progress. */
export const JOB_TYPES = [
  'job.submitted',
  'job.extended',
  'attempt.started',
  'job.waiting',
  'job.paused',
  'job.resumed',
  'job.cancel_requested',
  'job.approval_requested',
  'job.approved',
  'job.rejected',
  'job.succeeded',
  'job.failed',
  'job.cancelled',
] as const satisfies readonly EventType[];

const SYSTEM_TYPES = [
  'system.signed_in',
  'system.sign_in_failed',
  'system.signed_out',
  'system.added',
  'system.changed',
  'system.removed',
  'system.granted',
  'system.withdrawn',
  'system.configured',
  'system.maintained',
  'system.closed',
] as const satisfies readonly EventType[];

/** The views of the list of events: their types; null for all. */
export const EVENT_VIEWS = {
  all: null,
  'without output': [...JOB_TYPES, 'job.progressed', ...SYSTEM_TYPES, ...STEP_TYPES],
  job: [...JOB_TYPES, 'job.progressed', ...SYSTEM_TYPES],
  failures: ['step.failed', 'job.failed'],
} as const satisfies Readonly<Record<string, readonly EventType[] | null>>;

/** The name of a view. */
export type EventView = keyof typeof EVENT_VIEWS;

/** Whether an event is one of the job itself, without its progress. */
export function isJobEvent({ type }: { readonly type: string }): boolean {
  return !type.startsWith('step.') && type !== 'job.progressed';
}
