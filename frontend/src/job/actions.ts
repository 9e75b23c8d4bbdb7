/** Which actions on a job are possible, by the API's answer and by the newest status. */

import { type JobView, type Plan, TERMINAL } from '../client';
import type { Job } from '../elements/api';
import { isRollbackStep } from './target-rows';

/** From which statuses an action is possible, as in `jobs/events/actions.py`; unknown ones are not offered. */
const FROM: Readonly<Record<string, readonly string[]>> = {
  cancel: ['queued', 'running', 'waiting', 'paused'],
  pause: ['queued', 'running', 'waiting'],
  resume: ['paused'],
  approve: ['waiting'],
  reject: ['waiting'],
  retry: ['failed', 'cancelled'],
  fork: ['failed', 'cancelled'],
};

/**
 * Return which actions are possible in `status`: events arrive before the API is asked again, and no
 * button may be shown that the service would refuse.
 */
export function possibleActions(can: readonly string[], status: string): readonly string[] {
  return can.filter((act) => FROM[act]?.includes(status));
}

/** Return the gates that a job waits at. */
export function openGates(job: Job): Job['waiting_for'] {
  return job.status === 'waiting' ? job.waiting_for.filter((wait) => wait.for === 'approval') : [];
}

/** Whether a fork of a run would have something to keep: a step that succeeded, and was not a rollback. */
export function hasKeepable(view: JobView): boolean {
  return [...view.steps.values()].some(
    ({ step, status }) => status === 'succeeded' && !isRollbackStep(step),
  );
}

/**
 * Return the targets without success of a finished run, in the plan's order, which a retry would run
 * again. `jobs/commands/retry.py` has the same rule.
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
