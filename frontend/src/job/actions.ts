/** What may be done to a job: as the API says, and as its newest status lets. */

import { type JobView, type Plan, TERMINAL } from '../client';
import type { Job } from '../elements/api';
import { isRollbackStep } from './target-rows';

/** From which statuses an act is possible (`jobs/events/actions.py`); an act of a newer server is not offered. */
const FROM: Readonly<Record<string, readonly string[]>> = {
  cancel: ['queued', 'running', 'waiting', 'paused'],
  pause: ['queued', 'running', 'waiting'],
  resume: ['paused'],
  approve: ['waiting'],
  reject: ['waiting'],
  retry: ['failed', 'cancelled'],
};

/**
 * Which of a row's acts are possible in `status`: events are here before the API is asked again, and
 * a button must not stand there to be refused.
 */
export function possibleActions(can: readonly string[], status: string): readonly string[] {
  return can.filter((act) => FROM[act]?.includes(status));
}

/** The gates that a job waits at. */
export function openGates(job: Job): Job['waiting_for'] {
  return job.status === 'waiting' ? job.waiting_for.filter((wait) => wait.for === 'approval') : [];
}

/**
 * The targets of an ended run without success, in the plan's order: what a retry is for. The service
 * decides by the same rule (`jobs/commands/retry.py`).
 */
export function unsuccessfulTargets(view: JobView, plan: Plan): readonly string[] {
  if (!TERMINAL.has(view.status) || view.status === 'succeeded') return [];
  const newest = new Map<string, Map<string, string>>();
  for (const { target, step, status } of view.steps.values()) {
    if (target === null) continue;
    const steps = newest.get(target) ?? new Map<string, string>();
    newest.set(target, steps.set(step, status));
  }
  const well = (target: string) => {
    const steps = newest.get(target);
    return (
      steps !== undefined &&
      [...steps].every(([step, status]) => status === 'succeeded' && !isRollbackStep(step)) &&
      plan.steps.every((step) => steps.has(step))
    );
  };
  const planned = plan.groups.flatMap((group) => group.targets);
  const all = new Set([...planned, ...newest.keys(), ...view.failed_targets]);
  const blamed = new Set(view.failed_targets);
  return [...all].filter((target) => blamed.has(target) || !well(target));
}
