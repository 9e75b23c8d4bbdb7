/** A gate: its question, what would run, and the answers or why this reader may not give them. */

import { nothing, type TemplateResult } from 'lit';
import type { WaitingFor } from '../client';
import type { Job } from '../elements/api';
import { glyph } from '../elements/light-element';
import { listNames } from '../text/event-words';
import { actorName, plural } from '../text/format';
import { html } from '../text/html';
import { factView, paramText } from './facts';
import { actionButtons } from './header';
import type { NoticesView } from './notices';

/** The question of a gate beside what would run, with the two answers if the reader may give them. */
export function gateNotice(held: NoticesView, gate: WaitingFor): TemplateResult {
  const { job, run } = held;
  const asked = run.jobEvents.findLast(
    (event) => event.type === 'job.approval_requested' && event.data.gate === gate.gate,
  );
  return html`<div class="notice is-warning gate">${glyph('waiting')}<span class="gate-words" role="status">
      Waits for approval at the gate “${gate.gate}”${gate.words ? html`: <b>${gate.words}</b>` : '.'}
      <span class="muted">${asked ? html`Asked <reprise-time at=${asked.at}></reprise-time>. ` : nothing}${gateLimits(job, gate)}</span>
      ${nextStep(job, gate)}</span>
    ${answersView(held, gate)} ${gateFacts(held)}</div>`;
}

/** What the reader can do about it. */
function nextStep(job: Job, { gate }: WaitingFor): string {
  if (!job.refused?.[gate ?? ''] && job.can.includes('approve'))
    return 'Approve to let the run go on, or reject to end it.';
  return 'Send the address of this page to somebody who may answer.';
}

function answersView(
  { job, acting, onAct }: NoticesView,
  gate: WaitingFor,
): TemplateResult | typeof nothing {
  const refusal = job.refused?.[gate.gate ?? ''];
  if (refusal) return html`<span class="gate-refusal">${refusal}</span>`;
  const answers = actionButtons(
    [
      ['approve', 'Approve', 'is-main'],
      ['reject', 'Reject', 'is-danger'],
    ],
    { job, acting, onAct: (act) => onAct(act, gate) },
  );
  return answers.length ? html`<span class="gate-acts">${answers}</span>` : nothing;
}

function gateLimits(job: Job, gate: WaitingFor): TemplateResult | string {
  const others = gate.not_by_submitter
    ? `Somebody other than ${actorName(job.submitted_by)}, who submitted the job, must answer.`
    : '';
  if (!gate.until) return others;
  return html`${others} The request expires <reprise-until at=${gate.until}></reprise-until>.`;
}

/** What would run: kind, submitter, plan, targets, and every parameter; long ones are folded. */
export function gateFacts({ job, run }: Pick<NoticesView, 'job' | 'run'>): TemplateResult {
  const targets = job.plan.groups.flatMap((group) => group.targets);
  const facts = [
    ['Kind', job.kind],
    ['Submitted by', submitterWords(job, run.view.submitted?.authors ?? [])],
    ['Plan', job.plan.words],
    [plural(targets.length, 'target'), targets.join(', ')],
  ] as const;
  const params = Object.entries(job.params);
  return html`<dl class="gate-facts" aria-label="What would run">
    ${facts.map(([name, text]) => (text ? factView(name, text) : nothing))}
    ${params.map(([name, value]) => factView(name, paramText(value), 'mono'))}</dl>`;
}

function submitterWords(job: Job, authors: readonly string[]): string {
  const by = actorName(job.submitted_by);
  return authors.length ? `${by}, written by ${listNames(authors.map(actorName))}` : by;
}
