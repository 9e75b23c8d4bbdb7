/** The jobs page: every job that this user may see, the unfinished ones on top and live. */

import { nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { Feed, type FeedInfo, FeedState, type JobSummary } from '../client';
import {
  describeError,
  fetchJobs,
  goToSignIn,
  type JobsAnswer,
  type ListedJob,
  readBootData,
  Unreachable,
} from '../elements/api';
import { feedConnectionLine, isCurrent } from '../elements/connection-line';
import { keepFocus } from '../elements/keep-focus';
import { LightElement, noticeView } from '../elements/light-element';
import { serverClock } from '../elements/server-clock';
import { moveFocus, useShortcuts } from '../elements/shortcuts';
import { count } from '../text/format';
import { html } from '../text/html';
import { FeedUpdates } from './feed-updates';
import { jobRowView } from './job-row';

const DONE = ['succeeded', 'failed', 'cancelled'];
const UNFINISHED = ['queued', 'running', 'waiting', 'paused', 'cancelling'];
/** How often to read the list without a WebSocket, or after an error. */
const POLL_MS = 2000;
/** When to read the list after the feed requires it: with a random delay, so that pages do not all read at once. */
const SOON_MS = 200;
const SPREAD_MS = 800;
/** The service counts no more jobs of a status. */
const MOST_COUNTED = 1000;
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
 * `<reprise-jobs>`: starts from the JSON script `kinds` (name → title), follows the feed of all jobs, and
 * polls if no WebSocket gets through.
 */
@customElement('reprise-jobs')
export class JobsPage extends LightElement {
  @property({ type: Boolean, attribute: 'can-submit' }) canSubmit = false;
  @state() private unfinished: readonly ListedJob[] = [];
  @state() private finished: readonly ListedJob[] = [];
  @state() private next: string | null = null;
  @state() private isLoaded = false;
  @state() private error = '';
  @state() private filters = new URLSearchParams(location.search);
  @state() private info: FeedInfo | null = null;
  @state() private counts: Readonly<Record<string, number>> = {};

  private kinds: Readonly<Record<string, string>> = readBootData('kinds') ?? {};
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | undefined;
  private isRefreshDue = false;
  private readonly updates = new FeedUpdates();
  private readonly feed = new Feed({
    onJobs: (jobs) => this.applyFeed(jobs),
    onState: (info) => this.handleState(info),
    onHeartbeat: (at) => {
      serverClock.sync(at);
      serverClock.markCurrent();
    },
    onStale: () => void this.refresh(),
  });

  constructor() {
    super();
    keepFocus(this, (lost) => this.sameLink(lost) ?? this.jobLinks()[0]);
    useShortcuts(this, [
      { keys: ['j'], label: 'Next job', run: () => moveFocus(this.jobLinks(), 1) },
      { keys: ['k'], label: 'Previous job', run: () => moveFocus(this.jobLinks(), -1) },
      { keys: ['Enter'], label: 'Open the job', run: () => false },
      { keys: ['/'], label: 'Search', run: () => this.focusSearch() },
    ]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('visibilitychange', this.handleVisibility);
    void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.handleVisibility);
    clearTimeout(this.timer);
    this.request?.abort();
    this.feed.stop();
  }

  private readonly handleVisibility = (): void => {
    if (!document.hidden && (this.isRefreshDue || this.isPolling)) void this.refresh();
  };

  /** Whether to read the list at intervals. */
  private get isPolling(): boolean {
    return this.error !== '' || this.info?.state === FeedState.blocked;
  }

  /** Apply changes from the feed. */
  private applyFeed(jobs: readonly JobSummary[]): void {
    const mustRead = this.updates.add(jobs);
    this.unfinished = this.updates.applyTo(this.unfinished);
    this.finished = this.updates.applyTo(this.finished);
    if (!mustRead || this.isRefreshDue) return;
    this.isRefreshDue = true;
    if (!this.request) this.scheduleRefresh(SOON_MS + Math.random() * SPREAD_MS);
  }

  private handleState(info: FeedInfo): void {
    const before = this.info?.state;
    this.info = info;
    this.updateClock();
    if (info.state === FeedState.failed && info.error?.code === 'not_signed_in') goToSignIn();
    // While away, this user may have been given access to other jobs; the feed does not say so.
    const away = before !== undefined && before !== FeedState.live && before !== FeedState.quiet;
    const back = info.state === FeedState.live && away;
    if ((back && info.resumed) || (info.state === FeedState.blocked && before !== info.state)) {
      void this.refresh();
    }
  }

  /** Freeze the clocks while the list may be outdated. */
  private updateClock(): void {
    const current = this.info ? isCurrent(this.info) : null;
    if (this.error || current === false) serverClock.freeze();
    else if (current) serverClock.resume();
  }

  private scheduleRefresh(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => !document.hidden && void this.refresh(), ms);
  }

  /** Read both halves of the list, then schedule the next read if there must be one. */
  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    this.request?.abort();
    const asking = new AbortController();
    this.request = asking;
    this.isRefreshDue = false;
    try {
      await this.readList(asking.signal);
      this.isLoaded = true;
      this.error = '';
    } catch (error) {
      if (asking.signal.aborted) return;
      this.error =
        error instanceof Unreachable
          ? 'Reprise does not answer. Runs continue without this page, which keeps trying.'
          : describeError(error);
    }
    this.updateClock();
    this.request = undefined;
    if (this.isPolling) this.scheduleRefresh(POLL_MS);
    else if (this.isRefreshDue) this.scheduleRefresh(SOON_MS + Math.random() * SPREAD_MS);
  }

  private async readList(signal: AbortSignal): Promise<void> {
    const view = this.filters.get('status') ?? '';
    const [open, closed] = await Promise.all([
      view === '' || view === 'unfinished' ? this.fetchPage(UNFINISHED, signal) : null,
      view === 'unfinished' ? null : this.fetchPage(view ? [view] : DONE, signal),
    ]);
    const answers = [open, closed].filter((answer) => answer !== null);
    this.counts = answers[0]?.counts ?? {};
    const position = Math.min(...answers.map((answer) => answer.position));
    const rows = answers.flatMap((answer) => answer.jobs);
    this.updates.listRead(position, rows);
    this.unfinished = this.updates.applyTo(open?.jobs ?? []);
    this.keepOlder(closed ?? { jobs: [], next: null, position, counts: null });
    this.finished = this.updates.applyTo(this.finished);
    if (this.feed.info.state === FeedState.idle) this.feed.start(position);
  }

  /** Put the newest finished jobs before those that “Show older jobs” has loaded. */
  private keepOlder(page: JobsAnswer): void {
    const last = page.jobs.at(-1);
    const older = last && page.next ? this.finished.filter((job) => job.id < last.id) : [];
    this.finished = [...page.jobs, ...older];
    if (!older.length) this.next = page.next;
  }

  private fetchPage(
    statuses: readonly string[],
    signal?: AbortSignal,
    cursor?: string,
  ): Promise<JobsAnswer> {
    const query = new URLSearchParams();
    for (const status of statuses) query.append('status', status);
    for (const name of ['text', 'kind']) {
      const value = this.filters.get(name);
      if (value) query.set(name, value);
    }
    if (cursor) query.set('cursor', cursor);
    // A search may have to read every job, once is enough.
    else if (!query.has('text')) query.set('counts', 'true');
    // All unfinished jobs are shown, up to 200; the others page by page.
    return fetchJobs(query, statuses === UNFINISHED ? 200 : 50, signal ? { signal } : {});
  }

  private async loadOlder(): Promise<void> {
    if (!this.next) return;
    const view = this.filters.get('status') ?? '';
    try {
      const page = await this.fetchPage(view ? [view] : DONE, undefined, this.next);
      this.finished = [...this.finished, ...page.jobs];
      this.next = page.next;
    } catch (error) {
      this.error = describeError(error);
    }
  }

  private setFilter(name: string, value: string): void {
    const filters = new URLSearchParams(this.filters);
    if (value) filters.set(name, value);
    else filters.delete(name);
    this.filters = filters;
    history.replaceState(null, '', filters.size ? `?${filters}` : location.pathname);
    this.finished = [];
    void this.refresh();
  }

  private jobLinks(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('.job-link')];
  }

  /** The link to the same job, which has moved to another part of the list. */
  private sameLink(lost: HTMLElement): HTMLElement | undefined {
    return this.jobLinks().find((link) => link.getAttribute('href') === lost.getAttribute('href'));
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
      ${feedConnectionLine(this.info, POLL_MS / 1000, () => this.feed.tryNow())}
      ${this.error ? noticeView('is-warning', this.error) : nothing}
      ${this.listView()}
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
              @click=${() => this.setFilter('status', value)}>${word}${this.countView(value)}</button>`,
        )}
      </div>
      <span class="bar-gap"></span>
      <select class="field toolbar-kind" aria-label="Kind"
        @change=${(e: Event) => this.setFilter('kind', (e.target as HTMLSelectElement).value)}>
        <option value="">All kinds</option>
        ${Object.entries(this.kinds).map(
          ([name, title]) =>
            html`<option value=${name} ?selected=${name === kind}>${title}</option>`,
        )}
      </select>
      <input class="field toolbar-search" type="search" placeholder="Search titles" aria-label="Search titles"
        .value=${this.filters.get('text') ?? ''}
        @input=${(e: Event) => this.setFilter('text', (e.target as HTMLInputElement).value)} />
    </div>`;
  }

  private countView(view: string): TemplateResult | typeof nothing {
    const statuses = view === '' ? [] : view === 'unfinished' ? UNFINISHED : [view];
    const numbers = statuses.map((status) => this.counts[status] ?? 0);
    const sum = numbers.reduce((all, one) => all + one, 0);
    return sum
      ? html` <span>${count(sum)}${numbers.includes(MOST_COUNTED) ? '+' : ''}</span>`
      : nothing;
  }

  private listView(): TemplateResult | typeof nothing {
    const rows = this.unfinished.length + this.finished.length;
    if (rows) return this.tableView();
    if (!this.isLoaded)
      return this.error ? nothing : html`<p class="loading muted">Loading jobs…</p>`;
    if (this.filters.size) {
      return html`<div class="state"><h2>No job matches</h2>
        <p>No job that you may see matches these filters.</p>
        <a class="button" href="/">Clear filters</a></div>`;
    }
    return html`<div class="state"><h2>No jobs yet</h2>
      <p>A job is one run over your servers, and every step of it is recorded.</p>
      ${this.canSubmit ? html`<a class="button is-main" href="/jobs/new">Start the first job</a>` : nothing}
    </div>`;
  }

  private tableView(): TemplateResult {
    const row = (job: ListedJob) => jobRowView(job, this.kinds[job.kind]);
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
        ? html`<p class="more"><button class="button" @click=${this.loadOlder}>Show older jobs</button></p>`
        : html`<p class="more muted">${count(this.unfinished.length + this.finished.length)} shown, no more to load.</p>`
    }`;
  }
}
