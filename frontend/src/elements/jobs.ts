/** The jobs page: every job that this user may see, the unfinished ones on top and live. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { clock, count } from '../text/format';
import { bootData, call, errorWords, type Job, Unreachable } from './api';
import { jobRow } from './job-row';
import { listen, moveFocus } from './keys';
import { glyph, Plain } from './plain';

interface JobsAnswer {
  readonly jobs: readonly Job[];
  readonly next: string | null;
}

const DONE = ['succeeded', 'failed', 'cancelled'];
const UNFINISHED = ['queued', 'running', 'waiting', 'paused', 'cancelling'];
const POLL_MS = 2000;
const VIEWS: readonly (readonly [string, string])[] = [
  ['', 'All'],
  ['unfinished', 'Unfinished'],
  ['waiting', 'Waiting'],
  ['paused', 'Paused'],
  ['failed', 'Failed'],
  ['succeeded', 'Succeeded'],
  ['cancelled', 'Cancelled'],
];

/** `<reprise-jobs>`; boots from the JSON scripts `kinds` (name → title) and polls while visible. */
@customElement('reprise-jobs')
export class Jobs extends Plain {
  @property({ type: Boolean, attribute: 'can-submit' }) canSubmit = false;
  @state() private unfinished: readonly Job[] = [];
  @state() private finished: readonly Job[] = [];
  @state() private next: string | null = null;
  @state() private loaded: Date | null = null;
  @state() private trouble = '';
  @state() private filters = new URLSearchParams(location.search);

  private kinds: Readonly<Record<string, string>> = bootData('kinds') ?? {};
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;
  private unlisten: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unlisten = listen([
      { keys: ['j'], does: 'Next job', run: () => moveFocus(this.links(), 1) },
      { keys: ['k'], does: 'Previous job', run: () => moveFocus(this.links(), -1) },
      { keys: ['Enter'], does: 'Open the job', run: () => false },
      { keys: ['/'], does: 'Search', run: () => this.focusSearch() },
    ]);
    document.addEventListener('visibilitychange', this.wake);
    void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unlisten?.();
    document.removeEventListener('visibilitychange', this.wake);
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  private readonly wake = (): void => {
    if (!document.hidden) void this.refresh();
  };

  /** Ask again for both halves of the list, then plan the next time. */
  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const view = this.filters.get('status') ?? '';
    try {
      const [open, closed] = await Promise.all([
        view === '' || view === 'unfinished' ? this.ask(UNFINISHED, signal) : null,
        view === 'unfinished' ? null : this.ask(view ? [view] : DONE, signal),
      ]);
      this.unfinished = open?.jobs ?? [];
      this.keepOlder(closed ?? { jobs: [], next: null });
      this.loaded = new Date();
      this.trouble = '';
    } catch (error) {
      if (signal.aborted) return;
      this.trouble =
        error instanceof Unreachable
          ? 'Reprise does not answer. Runs go on without this page, and it tries again by itself.'
          : errorWords(error);
    }
    this.timer = setTimeout(() => !document.hidden && void this.refresh(), POLL_MS);
  }

  /** Put the newest finished jobs before those that “Show older” has loaded. */
  private keepOlder(page: JobsAnswer): void {
    const last = page.jobs.at(-1);
    const older = last && page.next ? this.finished.filter((job) => job.id < last.id) : [];
    this.finished = [...page.jobs, ...older];
    if (!older.length) this.next = page.next;
  }

  private ask(
    statuses: readonly string[],
    signal?: AbortSignal,
    cursor?: string,
  ): Promise<JobsAnswer> {
    // What is unfinished is shown whole, as far as one answer goes; the rest page by page.
    const query = new URLSearchParams({ limit: statuses === UNFINISHED ? '200' : '50' });
    for (const status of statuses) query.append('status', status);
    for (const name of ['text', 'kind']) {
      const value = this.filters.get(name);
      if (value) query.set(name, value);
    }
    if (cursor) query.set('cursor', cursor);
    return call<JobsAnswer>(`/api/jobs?${query}`, signal ? { signal } : {});
  }

  private async older(): Promise<void> {
    if (!this.next) return;
    const view = this.filters.get('status') ?? '';
    try {
      const page = await this.ask(view ? [view] : DONE, undefined, this.next);
      this.finished = [...this.finished, ...page.jobs];
      this.next = page.next;
    } catch (error) {
      this.trouble = errorWords(error);
    }
  }

  private filter(name: string, value: string): void {
    const filters = new URLSearchParams(this.filters);
    if (value) filters.set(name, value);
    else filters.delete(name);
    this.filters = filters;
    history.replaceState(null, '', filters.size ? `?${filters}` : location.pathname);
    this.finished = [];
    void this.refresh();
  }

  private links(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('.job-link')];
  }

  private focusSearch(): boolean {
    const field = this.querySelector<HTMLInputElement>('input[type="search"]');
    field?.select();
    field?.focus();
    return field !== null;
  }

  override render(): TemplateResult {
    return html`
      ${this.toolbar()}
      ${
        this.trouble
          ? html`<div class="notice is-warning" role="status">${glyph('warning')}<span>${this.trouble}
              ${this.loaded ? html`Shown is how it was at ${clock(this.loaded)}.` : nothing}</span></div>`
          : nothing
      }
      ${this.body()}
    `;
  }

  private toolbar(): TemplateResult {
    const view = this.filters.get('status') ?? '';
    const kind = this.filters.get('kind') ?? '';
    return html`<div class="toolbar">
      <div class="segments" role="group" aria-label="Status">
        ${VIEWS.map(
          ([value, word]) =>
            html`<button class="segment" aria-pressed=${view === value}
              @click=${() => this.filter('status', value)}>${word}</button>`,
        )}
      </div>
      <span class="bar-gap"></span>
      <select class="field toolbar-kind" aria-label="Kind"
        @change=${(e: Event) => this.filter('kind', (e.target as HTMLSelectElement).value)}>
        <option value="">All kinds</option>
        ${Object.entries(this.kinds).map(
          ([name, title]) =>
            html`<option value=${name} ?selected=${name === kind}>${title}</option>`,
        )}
      </select>
      <input class="field toolbar-search" type="search" placeholder="Search titles" aria-label="Search titles"
        .value=${this.filters.get('text') ?? ''}
        @input=${(e: Event) => this.filter('text', (e.target as HTMLInputElement).value)} />
    </div>`;
  }

  private body(): TemplateResult | typeof nothing {
    const rows = this.unfinished.length + this.finished.length;
    if (rows) return this.table();
    if (!this.loaded)
      return this.trouble ? nothing : html`<p class="loading muted">Loading jobs…</p>`;
    if (this.filters.size) {
      return html`<div class="state"><h2>No job matches</h2>
        <p>Nothing that you may see fits these filters.</p>
        <a class="button" href="/">Clear filters</a></div>`;
    }
    return html`<div class="state"><h2>No jobs yet</h2>
      <p>A job is one run over your servers, and every step of it is kept.</p>
      ${this.canSubmit ? html`<a class="button is-main" href="/jobs/new">Start the first job</a>` : nothing}
    </div>`;
  }

  private table(): TemplateResult {
    const row = (job: Job) => jobRow(job, this.kinds[job.kind]);
    return html`<table class="jobs">
      <thead><tr>
        <th scope="col">Status</th><th scope="col">Job</th><th scope="col">Kind</th><th scope="col">By</th>
        <th scope="col">Submitted</th><th scope="col">Progress</th><th scope="col" class="number">Duration</th>
      </tr></thead>
      <tbody>${repeat(this.unfinished, (job) => job.id, row)}</tbody>
      <tbody>${repeat(this.finished, (job) => job.id, row)}</tbody>
    </table>
    ${
      this.next
        ? html`<p class="more"><button class="button" @click=${this.older}>Show older jobs</button></p>`
        : html`<p class="more muted">${count(this.unfinished.length + this.finished.length)} shown, that is all.</p>`
    }`;
  }
}
