/** The matrix as data: a row for each target, a cell for each step, in the plan's groups. */

import { type JobView, type Plan, planOf, type StepView, TERMINAL } from '../client';

/** Names up to this length are not shortened. */
const MAX_LENGTH = 26;

/** The status of a target; `skipped` means that the run ended before its turn. */
export type RowStatus = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped';

/** A target. Rows are replaced, never changed, so unchanged rows need not render again. */
export interface TargetRow {
  /** Its name; `''` stands for the job itself, where steps have no target. */
  readonly target: string;
  /** Its name, shortened if it is long. */
  readonly label: string;
  readonly status: RowStatus;
  /** The newest occurrence of each step. */
  readonly cells: ReadonlyMap<string, StepView>;
  /** The step that rolled the others back, if any. */
  readonly rollback: StepView | null;
  /** The running step, or the failed one, or the last one. */
  readonly current: StepView | null;
  readonly startedAt: string | null;
  /** Set when nothing runs on it any longer. */
  readonly finishedAt: string | null;
  /** The number of finished and of required steps. */
  readonly done: number;
  readonly of: number;
}

/** A group of the plan, or the rows that the plan does not name. */
export interface RowGroup {
  readonly name: string;
  readonly rows: readonly TargetRow[];
}

/** Whether a step rolls back others; it is shown across the rest of its row, not in a column. */
export function isRollbackStep(step: string): boolean {
  return step === 'rollback' || step.startsWith('undo ');
}

/** Return the newest step of a row that failed, if any. */
export function failedStep(row: TargetRow): string | undefined {
  return [...row.cells.values()].findLast((step) => step.status === 'failed')?.step;
}

/** The rows of a run, updated from each new view of it; unchanged rows stay the same objects. */
export class TargetRows {
  /** The steps that have a column, in the plan's order, then those that the plan does not name. */
  columns: readonly string[] = [];
  groups: readonly RowGroup[] = [];
  private readonly rows = new Map<string, TargetRow>();
  private steps: ReadonlyMap<string, StepView> = new Map();
  private isOver = false;
  private labels: ReadonlyMap<string, string> = new Map();

  /** @param plan the plan, if it is known before `job.submitted` has come */
  constructor(private plan: Plan | null = null) {
    if (!plan) return;
    this.columns = plan.steps;
    this.buildRows(null);
  }

  /** All rows, in the order of the groups. */
  get all(): TargetRow[] {
    return this.groups.flatMap((group) => group.rows);
  }

  /** Return the newest occurrence of a step on a target, or null if it has not started. */
  step(target: string, name: string): StepView | null {
    const row = this.rows.get(target);
    return row?.cells.get(name) ?? (row?.rollback?.step === name ? row.rollback : null);
  }

  /** Update from a newer view of the same job. */
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

  /** The targets with a changed step. */
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
    const changed = stale ? own.keys() : new Set([...targets, ...own.keys()]);
    for (const target of changed) {
      this.rows.set(target, this.createRow(target, own.get(target) ?? []));
    }
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

  /** The steps that a target must complete, without those of the job itself (gates, sleeps). */
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
    if (this.isOver) return 'cancelled';
    return steps.every((step) => step.kept) ? 'pending' : 'running';
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

/**
 * Return a short label for each name. If the longest is too long, drop as much as needed of the shared
 * end, then of the shared beginning, each up to a `.` `-` `_` `/` or `:`.
 */
export function shortLabels(names: readonly string[]): ReadonlyMap<string, string> {
  const excess = Math.max(0, ...names.map((name) => name.length)) - MAX_LENGTH;
  const until = sharedPrefix(names.map(reversed), excess);
  const heads = names.map((name) => name.slice(0, name.length - until));
  const from = sharedPrefix(heads, excess - until);
  return new Map(
    names.map((name) => {
      const middle = name.slice(from, name.length - until);
      return [name, `${from ? '…' : ''}${middle}${until ? '…' : ''}`];
    }),
  );
}

/** How much of the shared beginning to drop: `excess` up to the next separator, or less if it is short. */
function sharedPrefix(texts: readonly string[], excess: number): number {
  if (excess <= 0 || texts.length < 2) return 0;
  const [first = ''] = texts;
  let shared = first.length;
  for (const text of texts) {
    while (shared > 0 && text.slice(0, shared) !== first.slice(0, shared)) shared -= 1;
  }
  const ends = [...first.slice(0, shared).matchAll(/[.\-_/:]/g)].map((found) => found.index + 1);
  return ends.find((end) => end >= excess) ?? ends.at(-1) ?? 0;
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}
