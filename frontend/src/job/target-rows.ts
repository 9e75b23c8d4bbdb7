/** The matrix as data: one row a target, one cell a step, grouped as the plan has it. */

import { type JobView, type Plan, planOf, type StepView, TERMINAL } from '../client';
import { shortLabels } from './short-labels';

/** How a target fares. `skipped`: the run ended before its turn. */
export type RowStatus = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped';

/** One target. A row is replaced, never changed, so that what is drawn of it can be kept. */
export interface TargetRow {
  /** Its name; `''` stands for the job itself, where steps have no target. */
  readonly target: string;
  /** Its name where there is little room. */
  readonly label: string;
  readonly status: RowStatus;
  /** The newest occurrence of each step. */
  readonly cells: ReadonlyMap<string, StepView>;
  /** The step that undid the others, where there is one. */
  readonly rollback: StepView | null;
  /** What runs now, else what failed, else what ran last. */
  readonly current: StepView | null;
  readonly startedAt: string | null;
  /** Set once nothing runs on it any more. */
  readonly finishedAt: string | null;
  /** How many of the steps that it has to go through are over, and how many those are. */
  readonly done: number;
  readonly of: number;
}

/** Rows that belong together. */
export interface RowGroup {
  readonly name: string;
  readonly rows: readonly TargetRow[];
}

/** Whether a step is shown across the rest of its row rather than in a column: it puts back. */
export function isRollbackStep(step: string): boolean {
  return step === 'rollback' || step.startsWith('undo ');
}

/** Return the newest step of a row that failed, if any. */
export function failedStep(row: TargetRow): string | undefined {
  return [...row.cells.values()].findLast((step) => step.status === 'failed')?.step;
}

/** Rows of a run, brought up to date by each new view of it; rows without news stay the same. */
export class TargetRows {
  /** The steps that are columns, in the plan's order, then those that no plan named. */
  columns: readonly string[] = [];
  groups: readonly RowGroup[] = [];
  private readonly rows = new Map<string, TargetRow>();
  private steps: ReadonlyMap<string, StepView> = new Map();
  private isOver = false;
  private labels: ReadonlyMap<string, string> = new Map();

  /** `plan` is known from elsewhere before `job.submitted` has come. */
  constructor(private plan: Plan | null = null) {
    if (!plan) return;
    this.columns = plan.steps;
    this.buildRows(null);
  }

  /** All rows, in the order of the groups. */
  get all(): TargetRow[] {
    return this.groups.flatMap((group) => group.rows);
  }

  /** Take in a newer view of the same job. */
  update(view: JobView): void {
    const over = TERMINAL.has(view.status);
    const plan = planOf(view) ?? this.plan;
    const everything = over !== this.isOver || plan !== this.plan;
    if (!everything && view.steps === this.steps) return;
    const stale = everything ? null : this.changedTargets(view.steps);
    this.isOver = over;
    this.plan = plan;
    this.steps = view.steps;
    this.columns = stepColumns(plan, view.steps);
    this.buildRows(stale);
  }

  /** The targets of which some step is not as it was. */
  private changedTargets(steps: ReadonlyMap<string, StepView>): Set<string> {
    const targets = new Set<string>();
    for (const [key, step] of steps) {
      if (this.steps.get(key) !== step) targets.add(step.target ?? '');
    }
    return targets;
  }

  private buildRows(stale: ReadonlySet<string> | null): void {
    const own = new Map<string, StepView[]>();
    for (const step of this.steps.values()) {
      const target = step.target ?? '';
      if (stale && !stale.has(target)) continue;
      const list = own.get(target);
      if (list) list.push(step);
      else own.set(target, [step]);
    }
    const targets = new Set(this.plan?.groups.flatMap((group) => group.targets) ?? []);
    if (!stale) this.labels = shortLabels([...targets]);
    for (const target of targets) {
      if (!stale || stale.has(target))
        this.rows.set(target, this.createRow(target, own.get(target) ?? []));
    }
    const extra = [...own.keys()].filter((target) => !targets.has(target));
    for (const target of extra)
      this.rows.set(target, this.createRow(target, own.get(target) ?? []));
    this.groups = this.groupRows(targets);
  }

  private groupRows(planned: ReadonlySet<string>): RowGroup[] {
    const rows = (targets: Iterable<string>) => {
      const found = [...targets].map((target) => this.rows.get(target));
      return found.filter((row) => row !== undefined);
    };
    const groups = (this.plan?.groups ?? []).map((group) => ({
      name: group.name,
      rows: rows(group.targets),
    }));
    const extra = rows([...this.rows.keys()].filter((target) => !planned.has(target)));
    if (extra.length) groups.unshift({ name: '', rows: extra });
    return groups;
  }

  private createRow(target: string, steps: readonly StepView[]): TargetRow {
    const cells = new Map<string, StepView>();
    for (const step of steps) cells.set(step.step, step);
    const rollback = [...cells.values()].findLast((step) => isRollbackStep(step.step)) ?? null;
    for (const name of [...cells.keys()].filter(isRollbackStep)) cells.delete(name);
    const needed = this.requiredSteps(target, cells);
    const done = needed.filter((name) => isStepOver(cells.get(name))).length;
    const all = rollback ? [...cells.values(), rollback] : [...cells.values()];
    const status = this.rowStatus([...cells.values()], done === needed.length);
    const busy = all.some((step) => step.status === 'running' || step.status === 'retried');
    return {
      target,
      label: this.labels.get(target) || target || 'run',
      status,
      cells,
      rollback,
      current: currentStep(all),
      startedAt: sorted(all.map((step) => step.started_at))[0] ?? null,
      finishedAt:
        (busy || status === 'running') && !this.isOver
          ? null
          : (sorted(all.map((step) => step.finished_at)).at(-1) ?? null),
      done,
      of: needed.length,
    };
  }

  /** The steps that a target has to go through: not those of the job itself, its gates and sleeps. */
  private requiredSteps(target: string, cells: ReadonlyMap<string, StepView>): readonly string[] {
    if (!target) return [...cells.keys()];
    if (this.plan?.steps.length) return this.plan.steps;
    const names = [...this.steps.values()].filter((step) => step.target).map((step) => step.step);
    return [...new Set(names.filter((name) => !isRollbackStep(name)))];
  }

  private rowStatus(steps: readonly StepView[], through: boolean): RowStatus {
    if (steps.some((step) => step.status === 'failed')) return 'failed';
    if (!steps.length) return this.isOver ? 'skipped' : 'pending';
    if (through) {
      return steps.every((step) => step.status === 'skipped') ? 'skipped' : 'succeeded';
    }
    return this.isOver ? 'cancelled' : 'running';
  }
}

function stepColumns(plan: Plan | null, steps: ReadonlyMap<string, StepView>): readonly string[] {
  const names = new Set(plan?.steps ?? []);
  for (const step of steps.values()) names.add(step.step);
  return [...names].filter((name) => !isRollbackStep(name));
}

function isStepOver(step: StepView | undefined): boolean {
  return step?.status === 'succeeded' || step?.status === 'skipped';
}

function currentStep(steps: readonly StepView[]): StepView | null {
  const running = steps.findLast((step) => step.status === 'running' || step.status === 'retried');
  return running ?? steps.findLast((step) => step.status === 'failed') ?? steps.at(-1) ?? null;
}

/** Sort instants: RFC 3339 in one zone sorts as text. */
function sorted(instants: readonly (string | null)[]): string[] {
  return instants.filter((at) => at !== null).sort();
}
