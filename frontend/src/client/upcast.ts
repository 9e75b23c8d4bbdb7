/**
 * Converts the data of old events to the current version of their type. The server sends events as they
 * were written; `jobs/events/upcasters.py` has the same upcasters.
 */

import type { EventData, JobEvent } from './types.js';

type Upcaster = (data: never) => unknown;

/** By type: the functions from version 1 to 2, from 2 to 3, and so on. */
const UPCASTERS: Readonly<Record<string, readonly Upcaster[]>> = {
  'job.submitted': [submitted],
};

/** Return the event with data in the newest known version, or the event itself if it has that version. */
export function upcast(event: JobEvent): JobEvent {
  const all = UPCASTERS[event.type] ?? [];
  const due = all.slice(event.version - 1);
  if (due.length === 0) return event;
  const data = due.reduce<unknown>((old, next) => next(old as never), event.data);
  return { ...event, version: all.length + 1, data } as JobEvent;
}

/** Version 1 had no total for a `load`, and otherwise counted the plan's targets. */
function submitted(data: EventData['job.submitted']): EventData['job.submitted'] {
  const groups = data.plan?.groups ?? [];
  let planned = groups.reduce((sum, group) => sum + group.targets.length, 0);
  const { steps } = data.params ?? {};
  if (planned === 0 && data.kind === 'load') planned = Number(steps ?? 0);
  return { ...data, total: data.total || planned };
}
