/** Says why a run does not continue: a stop, a pause, a gate, a timer, other jobs. */

import { nothing, type TemplateResult } from 'lit';
import type { WaitingFor } from '../client';
import type { Job } from '../elements/api';
import { noticeView } from '../elements/light-element';
import { listNames, waitWords } from '../text/event-words';
import { actorName, plural, shortId, withFullStop } from '../text/format';
import { html } from '../text/html';
import { openGates } from './actions';
import { gateNotice } from './gate';
import type { RunModel } from './run-model';

const MAX_WAITS = 4;

/** The parameters of the notices. */
export interface NoticesView {
  readonly job: Job;
  readonly run: RunModel;
  /** The titles of the jobs that hold its targets, by id. */
  readonly titles: ReadonlyMap<string, string>;
  readonly acting: boolean;
  readonly onAct: (act: string, gate: WaitingFor) => void;
}

/** Why the job does not continue now, and who can change that. */
export function noticesView(held: NoticesView): TemplateResult | typeof nothing {
  switch (held.job.status) {
    case 'cancelling':
      return noticeView(
        'is-warning',
        'Stopping: running steps get a few seconds to end, then the run rolls back what it started.',
        'cancelling',
      );
    case 'paused':
      return pausedNotice(held);
    case 'waiting':
      return html`${openGates(held.job).map((gate) => gateNotice(held, gate))} ${waitingNotice(held)}`;
    default:
      return nothing;
  }
}

function pausedNotice({ job, run }: NoticesView): TemplateResult {
  const busy = run.rows.all.filter((row) => row.current?.status === 'running').length;
  const paused = run.jobEvents.findLast((event) => event.type === 'job.paused');
  const reason = paused?.type === 'job.paused' ? paused.data.reason : '';
  const by = paused
    ? html`Paused by ${actorName(paused.actor)} <reprise-time at=${paused.at}></reprise-time>${reason ? `: ${withFullStop(reason)}` : '.'}`
    : html`Paused.`;
  const now = busy ? `Running steps on ${plural(busy, 'server')} end first.` : '';
  const next = job.started_at ? 'Nothing else starts' : 'The run does not start';
  return noticeView('is-warning', html`${by} ${now} ${next} until somebody resumes it.`, 'paused');
}

/** What else the job waits for: timers and signals, or targets and the jobs that hold them. */
function waitingNotice({ job, titles }: NoticesView): TemplateResult | typeof nothing {
  const own = job.waiting_for.filter((wait) => wait.for && wait.for !== 'approval');
  if (own.length) return ownWaitsNotice(own);
  const holders = new Map<string | null, string[]>();
  for (const { target, job: holder = null } of job.waiting_for) {
    if (target) holders.set(holder, [...(holders.get(holder) ?? []), target]);
  }
  if (!holders.size) return nothing;
  const parts = [...holders].map(([holder, targets]) => holderWords(targets, holder, titles));
  const all = parts.map((part, i) => html`${i ? '; ' : ''}${part}`);
  const nextStep = holders.has(null)
    ? 'It continues by itself when they are free; to have them sooner, ask the other team.'
    : 'It continues by itself when they are free; to have them sooner, open that job and stop it.';
  return noticeView('is-warning', html`Waiting for ${all}. ${nextStep}`, 'waiting');
}

function ownWaitsNotice(waits: readonly WaitingFor[]): TemplateResult {
  const shown = waits.slice(0, MAX_WAITS).map(waitWords);
  const more = waits.length - shown.length;
  const all = [...shown, ...(more ? [plural(more, 'more', 'more')] : [])];
  const goes = waits.some((wait) => wait.for === 'kind')
    ? 'It continues once there is one.'
    : 'It continues by itself.';
  const end = waits.some((wait) => wait.for === 'signal') ? '' : goes;
  return noticeView('is-warning', html`Waiting for ${all.join('; ')}. ${end}`, 'waiting');
}

function holderWords(
  targets: readonly string[],
  holder: string | null,
  titles: ReadonlyMap<string, string>,
): TemplateResult {
  const what = targets.length > 3 ? plural(targets.length, 'server') : listNames(targets);
  if (!holder) return html`${what}, held by another team’s job`;
  return html`${what}, held by <a href="/jobs/${holder}"><span class="mono">#${shortId(holder)}</span>
    ${titles.get(holder) ?? ''}</a>`;
}
