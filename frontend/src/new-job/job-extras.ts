/** What a job has besides its parameters: title, labels, when it starts, its priority. */

import type { TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { html } from '../text/html';

/** As they are typed. */
export interface JobExtras {
  readonly title: string;
  /** `name=value`, a line each. */
  readonly labels: string;
  /** A time of the reader's clock, `2026-11-30T14:00`. */
  readonly startAt: string;
  readonly priority: string;
}

/** Nothing typed. */
export const NO_EXTRAS: JobExtras = { title: '', labels: '', startAt: '', priority: '0' };
/** The members of a submission that they become. */
export const EXTRA_MEMBERS = ['title', 'labels', 'start_at', 'priority'];

/** Return the members of the request's body; left out what was not typed. */
export function extraMembers({ title, labels, startAt, priority }: JobExtras): object {
  const pairs = labels.split('\n').filter((line) => line.trim() !== '');
  const parsed = pairs.map((line) => {
    const [name = '', ...value] = line.split('=');
    return [name.trim(), value.join('=').trim()] as const;
  });
  const start = startAt ? new Date(startAt) : null;
  return {
    ...(title.trim() ? { title: title.trim() } : {}),
    ...(parsed.length ? { labels: Object.fromEntries(parsed) } : {}),
    ...(start && !Number.isNaN(start.getTime()) ? { start_at: start.toISOString() } : {}),
    ...(Number(priority) ? { priority: Number(priority) } : {}),
  };
}

/** Return the request's body with these members; the parameters keep their digits. */
export function withExtras(body: string, extras: JobExtras): string {
  const members = JSON.stringify(extraMembers(extras)).slice(1, -1);
  return members ? `${body.slice(0, -1)},${members}}` : body;
}

/** The four fields, folded away while nothing is typed. */
export function extrasView(
  extras: JobExtras,
  isOpen: boolean,
  onChange: (extras: JobExtras) => void,
): TemplateResult {
  const change = (name: keyof JobExtras) => (event: Event) =>
    onChange({ ...extras, [name]: (event.target as HTMLInputElement).value });
  return html`<details class="job-extras" ?open=${isOpen}>
    <summary class="tool">Title, labels, start, priority</summary>
    <div class="form-field">
      <label class="form-label" for="extra-title">Title <span class="muted">optional</span></label>
      <input class="field" id="extra-title" maxlength="300" autocomplete="off" aria-describedby="extra-title-help"
        .value=${live(extras.title)} @input=${change('title')}>
      <p class="form-help muted" id="extra-title-help">Empty: what the kind calls it.</p>
    </div>
    <div class="form-field">
      <label class="form-label" for="extra-labels">Labels <span class="muted">optional</span></label>
      <textarea class="field mono" id="extra-labels" rows="2" spellcheck="false" aria-describedby="extra-labels-help"
        .value=${live(extras.labels)} @input=${change('labels')}></textarea>
      <p class="form-help muted" id="extra-labels-help">A line each: ticket=OPS-12.</p>
    </div>
    <div class="form-field">
      <label class="form-label" for="extra-start">Start at <span class="muted">optional</span></label>
      <input class="field" id="extra-start" type="datetime-local" aria-describedby="extra-start-help"
        .value=${live(extras.startAt)} @input=${change('startAt')}>
      <p class="form-help muted" id="extra-start-help">On your clock. Empty: as soon as a worker has room.</p>
    </div>
    <div class="form-field is-number">
      <label class="form-label" for="extra-priority">Priority</label>
      <input class="field" id="extra-priority" type="number" min="-10" max="10" step="1" aria-describedby="extra-priority-help"
        .value=${live(extras.priority)} @input=${change('priority')}>
      <p class="form-help muted" id="extra-priority-help">From -10 to 10. Of jobs that wait for the same, the highest goes first.</p>
    </div>
  </details>`;
}
