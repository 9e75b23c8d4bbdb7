/** The job page: follows one job and shows it from four sides. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import {
  type Follower,
  type FollowerInfo,
  FollowerState,
  follow,
  type WaitingFor,
} from '../client';
import { bootData, errorWords, type Job, jobRow, retriesOf, signIn } from '../elements/api';
import { isCurrent } from '../elements/connection-line';
import { glyph, Plain } from '../elements/light-element';
import { fetchAndHear, serverClock } from '../elements/server-clock';
import { count } from '../text/format';
import { possible, unsuccessful } from './actions';
import { connectionView } from './connection';
import { secondsLeft } from './estimate';
import { headView } from './header';
import { lastSeen, remember, sinceThen } from './last-seen';
import type { Opened } from './matrix';
import { heldView } from './notices';
import { endedView } from './outcome';
import { Run } from './run-model';
import { Steering } from './steering';
import { addressOf, placeOf, TABS, type Tab, tabList } from './tabs';
import './event-list';
import './matrix';
import './step-output';
import './timeline';
import './verify-button';

const NOTED_MS = 1000;

/** `<reprise-job job="<id>" heading="…" kind-title="…" can-submit>`; boots from the JSON script `job`. */
@customElement('reprise-job')
export class JobPage extends Plain {
  @property() job = '';
  @property() heading = '';
  @property({ attribute: 'kind-title' }) kindTitle = '';
  @property({ type: Boolean, attribute: 'can-submit' }) canSubmit = false;
  @state() private row: Job | null = bootData<Job>('job');
  @state() private info: FollowerInfo | null = null;
  @state() private tab: Tab = 'matrix';
  @state() private opened: Opened | null = null;
  @state() private marked = '';
  @state() private notice = '';
  @state() private acting = false;
  @state() private missed = '';
  @state() private titles: ReadonlyMap<string, string> = new Map();
  @state() private retries: readonly Job[] = [];

  private run = new Run(this.row?.plan);
  private readonly steering = new Steering();
  private follower: Follower | undefined;
  private due = false;
  private seen: ReturnType<typeof lastSeen> = null;
  private notedAt = -NOTED_MS;

  override connectedCallback(): void {
    super.connectedCallback();
    this.goTo();
    addEventListener('hashchange', this.goTo);
    addEventListener('pagehide', this.leave);
    document.addEventListener('visibilitychange', this.leave);
    this.seen = lastSeen(this.job);
    this.follower = follow(this.job, {
      restart: true,
      platform: { fetch: fetchAndHear },
      onHeartbeat: (at) => {
        serverClock.heard(at);
        serverClock.confirm();
      },
      onEvents: (events) => {
        serverClock.notBefore(events.at(-1)?.at);
        serverClock.confirm();
        this.run.queue(events);
        this.schedule();
      },
      onState: (info) => this.said(info),
      onReset: () => {
        this.run = new Run(this.row?.plan);
        this.schedule();
      },
    });
    if (!this.row || this.row.status === 'waiting' || this.row.finished_at) void this.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.goTo);
    removeEventListener('pagehide', this.leave);
    document.removeEventListener('visibilitychange', this.leave);
    this.follower?.stop();
  }

  private readonly goTo = (): void => {
    const place = placeOf(location.hash);
    this.tab = place.tab;
    this.opened = place.opened;
    this.marked = place.marked;
  };

  private readonly leave = (): void => {
    this.run.take(); // what has come and waits for the next frame is this page's, too
    remember(this.job, this.run.view.head);
  };

  /** Remember now and then what was seen: a page that is killed, or left in a hurry, says no good-bye. */
  private noteDown(): void {
    if (performance.now() < this.notedAt + NOTED_MS) return;
    this.notedAt = performance.now();
    remember(this.job, this.run.view.head);
  }

  /** Take in what has come: once a frame, less often for history and where nobody looks. */
  private schedule(): void {
    if (this.due) return;
    this.due = true;
    const work = () => {
      this.due = false;
      const before = this.run.view.status;
      this.run.take();
      this.noteDown();
      if (this.run.view.status !== before && this.row && this.run.view.head >= this.row.head) {
        void this.ask();
      }
      this.entitle();
      this.requestUpdate();
    };
    if (document.hidden) setTimeout(work, 500);
    else if (this.info?.state !== FollowerState.live) setTimeout(work, 200);
    else requestAnimationFrame(work);
  }

  private said(info: FollowerInfo): void {
    if (info.state === FollowerState.failed && info.error?.code === 'not_signed_in') signIn();
    const first =
      this.info === null || this.info.state === 'connecting' || this.info.state === 'catching_up';
    if (first && (info.state === 'live' || info.state === 'ended')) {
      this.missed = sinceThen(this.seen, info.seq);
    }
    this.info = info;
    const current = isCurrent(info);
    if (current) serverClock.go();
    else if (current === false) serverClock.stop();
  }

  /** Ask the API for what no event says: the acts that are open to this user, who holds what. */
  private async ask(): Promise<void> {
    try {
      this.row = (await jobRow(this.job)) ?? this.row;
      if (this.row?.finished_at) this.retries = await retriesOf(this.job);
      const holders = new Set(this.row?.waiting_for.map((one) => one.job));
      for (const holder of holders) {
        const title = holder && (await jobRow(holder))?.title;
        if (holder && title) this.titles = new Map([...this.titles, [holder, title]]);
      }
    } catch (error) {
      // What the events say stands; the acts are asked for again at the next change.
      if (!this.row) this.notice = errorWords(error);
    }
  }

  /** The job as of the newest event, or of the API's answer where that is ahead. */
  private get shown(): Job | null {
    const { row } = this;
    const { view } = this.run;
    if (!row) return null;
    const { status } = view;
    if (status === '' || view.head < row.head) {
      return { ...row, total: row.total || planned(row) };
    }
    const { steps: _steps, submitted: _submitted, result: _result, ...rest } = view;
    const total = view.total || planned(row);
    return { ...row, ...rest, status, total, can: possible(row.can, status) };
  }

  /** Whether everything up to the head has come at least once. */
  private get caughtUp(): boolean {
    const { info } = this;
    return info !== null && info.seq > 0 && info.seq >= info.head;
  }

  private entitle(): void {
    const { shown } = this;
    if (!shown) return;
    const sign = { succeeded: '✓ ', failed: '✕ ', cancelled: '⊘ ' }[shown.status as string] ?? '';
    const share = !shown.finished_at && shown.total ? `${shown.done}/${shown.total} ` : '';
    document.title = `${sign}${share}${shown.title} · Reprise`;
  }

  /** Ask whether it is meant, then the service; what comes of it comes as events. */
  private async act(act: string, gate?: WaitingFor): Promise<void> {
    const { shown, run } = this;
    if (!shown || this.acting) return;
    this.notice = '';
    try {
      const targets = unsuccessful(run.view, shown.plan);
      const wish = await this.steering.asked(act, {
        job: shown,
        rows: run.rows.all,
        targets,
        gate,
      });
      if (!wish) return;
      this.acting = true;
      await wish();
    } catch (error) {
      this.notice = errorWords(error);
    }
    this.acting = false;
  }

  private open(place: Opened | null): void {
    this.opened = place;
    history.replaceState(null, '', addressOf(this.tab, place));
  }

  private pick(tab: Tab): void {
    this.tab = tab;
    const opened = tab === 'matrix' ? this.opened : null;
    history.replaceState(null, '', addressOf(tab, opened, tab === 'log' ? this.marked : ''));
  }

  private mark(event: CustomEvent<string>): void {
    this.marked = event.detail;
    history.replaceState(null, '', addressOf('log', null, this.marked));
  }

  override render(): TemplateResult {
    const { shown, run } = this;
    if (!shown) {
      return html`<header class="job-head"><h1>${this.heading}</h1>
        <p class="muted ${this.notice ? '' : 'loading'}">${this.notice || 'Loading the run…'}</p></header>`;
    }
    const left = secondsLeft(run.rows.groups, serverClock.shown());
    return html`
      ${headView({
        job: shown,
        kindTitle: this.kindTitle,
        left,
        acting: this.acting,
        onAct: (act) => void this.act(act),
      })}
      ${connectionView(this.info, run.view.head, this.missed, () => this.tryNow(), serverClock.asOf)}
      ${this.notice ? html`<div class="notice is-bad" role="alert">${glyph('warning')}<span>${this.notice}</span></div>` : nothing}
      ${this.held(shown)} ${this.over(shown)}
      ${tabList(this.tab, { log: count(run.lines.all.length), events: count(run.events.length) }, (tab) => this.pick(tab))}
      ${TABS.map((tab) => this.panel(tab))}
    `;
  }

  private held(job: Job): TemplateResult | typeof nothing {
    const { run, titles, acting } = this;
    const busy = run.rows.all.filter((row) => row.current?.status === 'running').length;
    const onAct = (act: string, gate: WaitingFor) => void this.act(act, gate);
    return heldView({ job, titles, moments: run.moments, busy, acting, onAct });
  }

  private over(job: Job): TemplateResult | typeof nothing {
    const { run, retries, canSubmit, acting } = this;
    const targets = unsuccessful(run.view, job.plan);
    const onRetry = () => void this.act('retry');
    return endedView({ job, rows: run.rows.all, targets, retries, canSubmit, acting, onRetry });
  }

  private tryNow(): void {
    if (this.info?.state === FollowerState.failed) this.follower?.start();
    else this.follower?.tryNow();
  }

  private panel(tab: Tab): TemplateResult {
    const here = this.tab === tab;
    return html`<section class="panel panel-${tab}" id="panel-${tab}" role="tabpanel" aria-labelledby="tab-${tab}"
      ?hidden=${!here}>${here ? this.inside(tab) : nothing}</section>`;
  }

  private inside(tab: Tab): TemplateResult {
    const { run } = this;
    const live = this.info?.state === FollowerState.live;
    const loading = !this.caughtUp;
    const onOpen = (event: CustomEvent<Opened>) => {
      this.tab = 'matrix';
      this.open(event.detail);
    };
    switch (tab) {
      case 'timeline':
        return html`<reprise-timeline .view=${run.view} .groups=${run.rows.groups} .moments=${run.moments}
          .size=${run.moments.length} ?loading=${loading} @open=${onOpen}></reprise-timeline>`;
      case 'log':
        return html`<reprise-log .lines=${run.lines.all} .size=${run.lines.all.length} .revision=${run.lines.revision}
          from markable marked=${this.marked} @mark=${this.mark} ?live=${!run.view.finished_at} file="reprise-${this.job.slice(-8)}.log"
          empty=${loading ? 'Loading the log…' : 'Nothing has been written yet.'}></reprise-log>`;
      case 'events':
        return html`<reprise-events .events=${run.events} .size=${run.events.length}></reprise-events>`;
      default:
        return html`<reprise-matrix .groups=${run.rows.groups} .columns=${run.rows.columns} .opened=${this.opened}
            ?live=${live} @open=${onOpen}></reprise-matrix>
          ${this.opened ? this.output(this.opened, onOpen) : nothing}`;
    }
  }

  private output(opened: Opened, onOpen: (event: CustomEvent<Opened>) => void): TemplateResult {
    const lines = this.run.lines.of(opened.target, opened.step);
    const row = this.run.rows.all.find((each) => each.target === opened.target) ?? null;
    return html`<reprise-output .row=${row} .opened=${opened} .lines=${lines} .size=${lines.length} .revision=${this.run.lines.revision} job=${this.job} ?loading=${!this.caughtUp}
      @open=${onOpen} @shut=${() => this.open(null)}></reprise-output>`;
  }
}

/** How many targets the plan names: the total before the run itself says one. */
function planned(job: Job): number {
  return job.plan.groups?.reduce((sum, group) => sum + group.targets.length, 0) ?? 0;
}
