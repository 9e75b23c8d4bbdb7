/** The jobs page: every job that this user may see, the unfinished ones on top and live. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { Feed, type FeedInfo, FeedState, type JobSummary } from '../client/index';
import { bootData, call, errorWords, type Job, signIn, Unreachable } from '../elements/api';
import { isCurrent } from '../elements/connection-line';
import { glyph, Plain } from '../elements/light-element';
import { serverClock } from '../elements/server-clock';
import { listen, moveFocus } from '../elements/shortcuts';
import { count } from '../text/format';
import { feedView } from './feed-connection';
import { Moved } from './feed-updates';
import { jobRow } from './job-row';

interface JobsAnswer {
  readonly jobs: readonly Job[];
  readonly next: string | null;
  /** Where the feed stood when the list was read. */
  readonly position: number;
}

const DONE = ['succeeded', 'failed', 'cancelled'];
const UNFINISHED = ['queued', 'running', 'waiting', 'paused', 'cancelling'];
/** How often to ask where no WebSocket gets through, or the last answer was none. */
const POLL_MS = 2000;
/** When to ask after the feed has called for it: not every page at the same moment. */
const SOON_MS = 200;
const SPREAD_MS = 800;
const VIEWS: readonly (readonly [string, string])[] = [
  ['', 'All'],
  ['unfinished', 'Unfinished'],
  ['waiting', 'Waiting'],
  ['paused', 'Paused'],
  ['failed', 'Failed'],
  ['succeeded', 'Succeeded'],
  ['cancelled', 'Cancelled'],
];

/**
 * `<reprise-jobs>`; boots from the JSON script `kinds` (name → title), lives on the feed of all jobs, and
 * polls where that cannot be had.
 */
@customElement('reprise-jobs')
export class Jobs extends Plain {
  @property({ type: Boolean, attribute: 'can-submit' }) canSubmit = false;
  @state() private unfinished: readonly Job[] = [];
  @state() private finished: readonly Job[] = [];
  @state() private next: string | null = null;
  @state() private loaded = false;
  @state() private trouble = '';
  @state() private filters = new URLSearchParams(location.search);
  @state() private info: FeedInfo | null = null;

  private kinds: Readonly<Record<string, string>> = bootData('kinds') ?? {};
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;
  private due = false;
  private readonly moved = new Moved();
  private readonly feed = new Feed({
    onJobs: (jobs) => this.take(jobs),
    onState: (info) => this.said(info),
    onHeartbeat: (at) => {
      serverClock.heard(at);
      serverClock.confirm();
    },
    onStale: () => void this.refresh(),
  });
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
    this.feed.stop();
  }

  private readonly wake = (): void => {
    if (!document.hidden && (this.due || this.polls)) void this.refresh();
  };

  /** Whether the list is to be asked for again and again. */
  private get polls(): boolean {
    return this.trouble !== '' || this.info?.state === FeedState.blocked;
  }

  /** Take in which jobs have moved. */
  private take(jobs: readonly JobSummary[]): void {
    const calls = this.moved.take(jobs);
    this.unfinished = this.moved.over(this.unfinished);
    this.finished = this.moved.over(this.finished);
    if (!calls || this.due) return;
    this.due = true;
    if (!this.asking) this.plan(SOON_MS + Math.random() * SPREAD_MS);
  }

  private said(info: FeedInfo): void {
    const before = this.info?.state;
    this.info = info;
    this.hold();
    if (info.state === FeedState.failed && info.error?.code === 'not_signed_in') signIn();
    // Meanwhile this user may have come to see other jobs, which no job that moves says.
    const away = before !== undefined && before !== FeedState.live && before !== FeedState.quiet;
    const back = info.state === FeedState.live && away;
    if ((back && info.resumed) || (info.state === FeedState.blocked && before !== info.state)) {
      void this.refresh();
    }
  }

  /** Let the clocks stand still while nothing is known of the jobs. */
  private hold(): void {
    const current = this.info ? isCurrent(this.info) : null;
    if (this.trouble || current === false) serverClock.stop();
    else if (current) serverClock.go();
  }

  private plan(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => !document.hidden && void this.refresh(), ms);
  }

  /** Ask again for both halves of the list, then plan the next time where there is to be one. */
  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.due = false;
    try {
      await this.read(asking.signal);
      this.loaded = true;
      this.trouble = '';
    } catch (error) {
      if (asking.signal.aborted) return;
      this.trouble =
        error instanceof Unreachable
          ? 'Reprise does not answer. Runs go on without this page, and it tries again by itself.'
          : errorWords(error);
    }
    this.hold();
    this.asking = undefined;
    if (this.polls) this.plan(POLL_MS);
    else if (this.due) this.plan(SOON_MS + Math.random() * SPREAD_MS);
  }

  private async read(signal: AbortSignal): Promise<void> {
    const view = this.filters.get('status') ?? '';
    const [open, closed] = await Promise.all([
      view === '' || view === 'unfinished' ? this.ask(UNFINISHED, signal) : null,
      view === 'unfinished' ? null : this.ask(view ? [view] : DONE, signal),
    ]);
    const answers = [open, closed].filter((answer) => answer !== null);
    const position = Math.min(...answers.map((answer) => answer.position));
    const rows = answers.flatMap((answer) => answer.jobs);
    this.moved.read(position, rows);
    this.unfinished = this.moved.over(open?.jobs ?? []);
    this.keepOlder(closed ?? { jobs: [], next: null, position });
    this.finished = this.moved.over(this.finished);
    if (this.feed.info.state === FeedState.idle) this.feed.start(position);
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
      ${feedView(this.info, POLL_MS / 1000, () => this.feed.tryNow(), serverClock.asOf)}
      ${
        this.trouble
          ? html`<div class="notice is-warning" role="status">${glyph('warning')}<span>${this.trouble}</span></div>`
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
