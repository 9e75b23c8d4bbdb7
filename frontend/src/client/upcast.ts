/**
 * Upcasters: what an old event's data is in the words of today's version of its type. The wire
 * carries every event as it was written; the server has the same ones in `jobs/events/upcasters.py`.
 */

import type { EventData, JobEvent } from './types';

type Upcaster = (data: never) => unknown;

/** By type, what makes version 2 of version 1, version 3 of version 2, and so on. */
const UPCASTERS: Readonly<Record<string, readonly Upcaster[]>> = {
  'job.submitted': [submitted],
};

/** Return the event with its data in the newest version known here; itself where it is that. */
export function upcast(event: JobEvent): JobEvent {
  const all = UPCASTERS[event.type] ?? [];
  const due = all.slice(event.version - 1);
  if (due.length === 0) return event;
  const data = due.reduce<unknown>((old, next) => next(old as never), event.data);
  return { ...event, version: all.length + 1, data } as JobEvent;
}

/** Version 1 counted the targets of the plan, where it counted at all: none for a long `load`. */
function submitted(data: EventData['job.submitted']): EventData['job.submitted'] {
  const groups = data.plan?.groups ?? [];
  let planned = groups.reduce((sum, group) => sum + group.targets.length, 0);
  const { steps } = data.params ?? {};
  if (planned === 0 && data.kind === 'load') planned = Number(steps ?? 0);
  return { ...data, total: data.total || planned };
}
