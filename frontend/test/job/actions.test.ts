import { describe, expect, it } from 'vitest';
import { fold, type JobEvent, type JobView, NOTHING, type WaitingFor } from '../../src/client';
import type { Job } from '../../src/elements/api';
import { openGates, possibleActions, unsuccessfulTargets } from '../../src/job/actions';
import {
  forkQuestion,
  gateQuestion,
  pauseQuestion,
  retryQuestion,
  stopQuestion,
} from '../../src/job/steering';
import type { TargetRow } from '../../src/job/target-rows';
import { html } from '../../src/text/html';

const TARGETS = ['gs-1', 'gs-2', 'gs-3', 'gs-4', 'gs-5', 'gs-6'];
const PLAN = {
  steps: ['go', 'look'],
  groups: [{ name: 'all', targets: TARGETS }],
  words: '',
};

/** The view after a run of these `<step> <target> <outcome>` steps and an ending. */
function ended(steps: readonly string[], type = 'job.failed', data: object = {}): JobView {
  const made = [
    ...steps.map((text) => {
      const [step, target, outcome, occurrence = '1'] = text.split(' ');
      return {
        type: `step.${outcome}`,
        step,
        ...(target ? { target } : {}),
        data: { try: 1, occurrence: Number(occurrence) },
      };
    }),
    { type, data: { message: 'Over.', ...data } },
  ];
  const events = made.map((event, at) => ({
    seq: at + 1,
    version: 1,
    at: '2026-11-22T09:00:00.123456Z',
    actor: 'worker:test/1',
    attempt: 1,
    hash: '0'.repeat(64),
    ...event,
  }));
  return fold(NOTHING, events as unknown as JobEvent[]);
}

const MIXED = [
  ...['go gs-1 succeeded', 'look gs-1 succeeded'],
  ...['go gs-2 succeeded', 'look gs-2 failed', 'rollback gs-2 succeeded'],
  ...['go gs-3 failed', 'go gs-3 succeeded 2', 'look gs-3 succeeded'],
  'go gs-4 succeeded',
  ...['go gs-5 skipped', 'look gs-5 skipped'],
];

// tests/integration/test_retries.py holds the service to the same run.
describe('what a retry is for', () => {
  it('is what failed, was skipped, stopped half-way or never reached', () => {
    expect(unsuccessfulTargets(ended(MIXED), PLAN)).toEqual(['gs-2', 'gs-4', 'gs-5', 'gs-6']);
  });

  it('is what the job blames, whatever its steps', () => {
    const well = TARGETS.flatMap((name) => [`go ${name} succeeded`, `look ${name} succeeded`]);
    const view = ended(well, 'job.failed', { failed_targets: ['gs-3', 'elsewhere'] });
    expect(unsuccessfulTargets(view, PLAN)).toEqual(['gs-3', 'elsewhere']);
  });

  it('is what was put back', () => {
    const well = TARGETS.flatMap((name) => [`go ${name} succeeded`, `look ${name} succeeded`]);
    const view = ended([...well, 'rollback gs-4 succeeded']);
    expect(unsuccessfulTargets(view, PLAN)).toEqual(['gs-4']);
  });

  it('is nothing where all is well, or not over', () => {
    expect(unsuccessfulTargets(ended(MIXED, 'job.succeeded'), PLAN)).toEqual([]);
    expect(unsuccessfulTargets(ended(MIXED, 'job.paused'), PLAN)).toEqual([]);
  });

  it('passes over a gate, which is a step without a target', () => {
    const gate = 'ask  failed';
    expect(unsuccessfulTargets(ended([...MIXED, gate]), PLAN)).toEqual([
      'gs-2',
      'gs-4',
      'gs-5',
      'gs-6',
    ]);
  });
});

describe('what may be done', () => {
  const all = ['cancel', 'pause', 'resume', 'approve', 'reject', 'retry', 'fork', 'archive'];

  it.each([
    ['queued', 'cancel pause'],
    ['running', 'cancel pause'],
    ['waiting', 'cancel pause approve reject'],
    ['paused', 'cancel resume'],
    ['cancelling', ''],
    ['succeeded', ''],
    ['failed', 'retry fork'],
    ['cancelled', 'retry fork'],
  ])('while %s: %s', (status, acts) => {
    expect(possibleActions(all, status).join(' ')).toBe(acts);
    expect(possibleActions(['cancel'], status).join(' ')).toBe(
      acts.includes('cancel') ? 'cancel' : '',
    );
  });

  it('is asked at gates only while the job waits at them', () => {
    const waits: WaitingFor[] = [
      { for: 'timer', name: 'settle' },
      { for: 'approval', gate: 'go' },
    ];
    expect(openGates(job({ status: 'waiting', waiting_for: waits }))).toEqual([waits[1]]);
    expect(openGates(job({ status: 'paused', waiting_for: waits }))).toEqual([]);
  });
});

function job(members: Partial<Job>): Job {
  const known = { title: 'Update', submitted_by: 'user:anna', started_at: '2026-11-22T09:00:00Z' };
  return { ...known, ...members } as Job;
}

const busy = { target: 'gs-1', status: 'running' } as TargetRow;

describe('what an act will do', () => {
  it('is said of a pause, with what stays half-way', () => {
    const { title, consequences, confirm, danger = false } = pauseQuestion(job({}), [busy]);
    expect([title, confirm, danger]).toEqual(['Pause “Update”?', 'Pause run', false]);
    expect(consequences[1]).toBe(
      '1\u00a0server is in the middle of the steps and stays there: what is drained stays drained.',
    );
    const queued = pauseQuestion(job({ started_at: null }), []);
    expect(queued.consequences).toEqual(['It does not start until somebody resumes it.']);
  });

  it('is said of an answer, with who asks for what', () => {
    const facts = html`<dl></dl>`;
    const gate: WaitingFor = { for: 'approval', gate: 'go', words: 'Does it look well?' };
    const approve = gateQuestion('approve', gate, facts);
    expect(approve.title).toBe('Approve “go”?');
    expect(approve.consequences[0]).toBe('The run asks: Does it look well?');
    expect(approve.details).toBe(facts);
    expect(gateQuestion('reject', gate, facts).danger).toBe(true);
  });

  it('is said of a retry, with the targets by name', () => {
    const { title, consequences } = retryQuestion(['gs-2', 'gs-4']);
    expect(title).toBe('Retry 2\u00a0servers?');
    expect(consequences[0]).toBe('A new job repeats the run on gs-2 and gs-4.');
  });

  it('is said of a fork: what is kept, what goes on, and what starts over', () => {
    const rows = [
      { target: 'gs-2', kept: 3, again: 'restart' },
      { target: 'gs-4', kept: 0, again: 'preflight' },
      { target: null, kept: 1, again: 'tell' },
    ];
    const plan = { seq: 57, words: 'step restart', kept: 12, rows, rows_more: 0 };
    const { title, consequences, danger = false } = forkQuestion(plan);
    expect([title, danger]).toEqual(['Resume from step restart?', false]);
    expect(consequences.slice(0, 3)).toEqual([
      'A new job keeps 12\u00a0recorded steps and does not run them again.',
      'gs-2 and The run: from restart and tell on.',
      'gs-4: from the beginning.',
    ]);
    const one = forkQuestion({ ...plan, kept: 1, rows: [], rows_more: 2 });
    expect(one.consequences.slice(0, 2)).toEqual([
      'A new job keeps 1\u00a0recorded step and does not run it again.',
      '2\u00a0more servers with steps that run again.',
    ]);
  });

  it('is said of a stop, which cannot be taken back', () => {
    expect(stopQuestion(job({}), [busy]).danger).toBe(true);
  });
});
