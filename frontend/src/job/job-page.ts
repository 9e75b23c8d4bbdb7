/** The job page: follows one job and shows it in four tabs. */

import { nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import {
  cursorOf,
  type Follower,
  type FollowerInfo,
  FollowerState,
  follow,
  type JobView,
  shareConnections,
  type WaitingFor,
} from '../client';
import {
  describeError,
  fetchJobRow,
  fetchRetries,
  goToSignIn,
  type Job,
  type ListedJob,
  readBootData,
} from '../elements/api';
import { isCurrent, jobConnectionLine } from '../elements/connection-line';
import { keepFocus } from '../elements/keep-focus';
import { LightElement, noticeView } from '../elements/light-element';
import { fetchAndSync, serverClock } from '../elements/server-clock';
import { count } from '../text/format';
import { html } from '../text/html';
import { isOther, jobAsOf, jobAtMoment, titleOf } from './current-job';
import { headerView } from './header';
import { missedEventsWords, recallSeen, rememberSeen } from './last-seen';
import type { OpenStep } from './matrix';
import { noticesView } from './notices';
import { outcomeView } from './outcome';
import { panelContent } from './panels';
import { PastRun, type Present } from './past-run';
import { RunModel, secondsLeft } from './run-model';
import { RunReader } from './run-reader';
import { Steering } from './steering';
import { formatAddress, parseAddress, TABS, type Tab, tabList } from './tabs';
import '../client/fallback'; // here before the network that it is needed for is gone
import './history-check';

/** The service has not the history that was followed. */
const RESTARTS: ReadonlySet<string> = new Set(['cursor_ahead', 'history_diverged']);
const REMEMBER_MS = 1000;
/** The cell that the Tab key reaches: the one whose output was open. */
const OPEN_CELL = 'reprise-matrix [data-r][tabindex="0"]';

/** `<reprise-job job="<id>" heading="…" kind-title="…" can-submit>`: starts from the JSON script `job`. */
@customElement('reprise-job')
export class JobPage extends LightElement {
  @property() job = '';
  @property() heading = '';
  @property({ attribute: 'kind-title' }) kindTitle = '';
  @property({ type: Boolean, attribute: 'can-submit' }) canSubmit = false;
  @state() private row: Job | null = readBootData<Job>('job');
  @state() private info: FollowerInfo | null = null;
  @state() private tab: Tab = 'matrix';
  @state() private opened: OpenStep | null = null;
  @state() private marked = '';
  @state() private notice = '';
  @state() private isActing = false;
  @state() private missedWords = '';
  @state() private holderTitles: ReadonlyMap<string, string> = new Map();
  @state() private retries: readonly ListedJob[] = [];

  private run = new RunModel('');
  private readonly steering = new Steering();
  private readonly past = new PastRun(() => this.requestUpdate());
  private follower: Follower | undefined;
  private isDrawDue = false;
  private drawn: JobView | null = null;
  private lastSeen: ReturnType<typeof recallSeen> = null;
  private rememberedAt = -REMEMBER_MS;
  /** The first catching up is no resume. */
  private firstResume: FollowerInfo['resumed'] | undefined;
  private reader = new RunReader('', this.run, () => undefined);

  constructor() {
    super();
    keepFocus(this, (lost) =>
      this.querySelector<HTMLElement>(lost.closest('reprise-output') ? OPEN_CELL : 'h1'),
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.readAddress();
    addEventListener('hashchange', this.readAddress);
    addEventListener('pagehide', this.rememberSeen);
    document.addEventListener('visibilitychange', this.rememberSeen);
    this.lastSeen = recallSeen(this.job);
    if (this.row) this.begin();
    else void this.refreshJob().then(() => this.begin());
  }

  /** Follow from the head; read the state and the newest events there. */
  private begin(): void {
    const { head = 0, head_hash = '', plan } = this.row ?? {};
    this.run = new RunModel(this.job, head, plan);
    this.drawn = null;
    this.run.history.subscribe(() => this.scheduleDraw());
    this.reader.stop();
    this.reader = new RunReader(this.job, this.run, () => this.scheduleDraw());
    this.follower = follow(this.job, {
      after: head && head_hash ? cursorOf({ seq: head, hash: head_hash }) : 0,
      connections: shareConnections(),
      platform: { fetch: fetchAndSync },
      onHeartbeat: (at) => {
        serverClock.sync(at);
        serverClock.markCurrent();
      },
      onEvents: (events) => {
        serverClock.ensureNotBefore(events.at(-1)?.at);
        serverClock.markCurrent();
        this.run.queue(events);
        this.scheduleDraw();
      },
      onState: (info) => this.handleState(info),
    });
    this.reader.start(head);
    const status = this.row?.status ?? '';
    if (['waiting', 'paused'].includes(status) || this.row?.finished_at) void this.refreshJob();
  }

  /** The log has gone back, or is another: begin anew with what it is now. */
  private async beginAgain(): Promise<void> {
    this.follower?.stop();
    this.row = null;
    await this.refreshJob();
    if (this.isConnected) this.begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.readAddress);
    removeEventListener('pagehide', this.rememberSeen);
    document.removeEventListener('visibilitychange', this.rememberSeen);
    this.follower?.stop();
    this.reader.stop();
  }

  private readonly readAddress = (): void => {
    // The system's own log has neither steps nor targets.
    const place = parseAddress(location.hash, this.row?.kind === 'system' ? 'events' : 'matrix');
    this.tab = place.tab;
    this.opened = place.opened;
    this.marked = place.marked;
  };

  private readonly rememberSeen = (): void => {
    this.run.applyQueued(); // include events that wait for the next frame
    rememberSeen(this.job, this.run.view.head);
  };

  /** Remember the seq once a second, because a killed page sends no `pagehide`. */
  private rememberSometimes(): void {
    if (performance.now() < this.rememberedAt + REMEMBER_MS) return;
    this.rememberedAt = performance.now();
    rememberSeen(this.job, this.run.view.head);
  }

  /** Apply queued events: once per frame, less often for history and in hidden pages. */
  private scheduleDraw(): void {
    if (this.isDrawDue) return;
    this.isDrawDue = true;
    const work = () => {
      this.isDrawDue = false;
      this.run.applyQueued();
      this.rememberSometimes();
      const { view, isRead } = this.run;
      if (isRead && this.row && isOther(view, this.drawn, this.row)) void this.refreshJob();
      if (isRead) this.drawn = view;
      if (this.currentJob) document.title = titleOf(this.currentJob);
      this.requestUpdate();
    };
    if (document.hidden) setTimeout(work, 500);
    else if (this.info?.state !== FollowerState.live) setTimeout(work, 200);
    else requestAnimationFrame(work);
  }

  private handleState(info: FollowerInfo): void {
    const failure = info.state === FollowerState.failed ? info.error?.code : undefined;
    if (failure === 'not_signed_in') goToSignIn();
    if (failure && RESTARTS.has(failure)) void this.beginAgain();
    const first =
      this.info === null || this.info.state === 'connecting' || this.info.state === 'catching_up';
    if (first && (info.state === 'live' || info.state === 'ended')) {
      this.missedWords = missedEventsWords(this.lastSeen, info.seq);
      if (this.firstResume === undefined) this.firstResume = info.resumed;
    }
    this.info = info;
    const current = isCurrent(info);
    if (current) serverClock.resume();
    else if (current === false) serverClock.freeze();
  }

  /** Read from the API what no event has: this user's actions, and the titles of jobs that hold targets. */
  private async refreshJob(): Promise<void> {
    try {
      this.row = (await fetchJobRow(this.job)) ?? this.row;
      if (this.row?.finished_at) this.retries = await fetchRetries(this.job);
      const holders = new Set(this.row?.waiting_for.map((one) => one.job));
      if (this.row) await this.reader.readReasons(this.row);
      for (const holder of holders) {
        const title = holder && (await fetchJobRow(holder))?.title;
        if (holder && title) this.holderTitles = new Map([...this.holderTitles, [holder, title]]);
      }
    } catch (error) {
      // The events remain valid; the actions are read again at the next change of status.
      if (!this.row) this.notice = describeError(error);
    }
  }

  /** The run that the page shows: as it is, or as it stood at a past moment. */
  private get shownRun(): RunModel {
    return this.past.run ?? this.run;
  }

  private get currentJob(): Job | null {
    const { row, past, run } = this;
    return row && (past.run ? jobAtMoment(row, past.run.view) : jobAsOf(row, run.view));
  }

  /** Whether everything up to the head has come. */
  private get isCaughtUp(): boolean {
    const { info } = this;
    return this.run.isRead && info !== null && info.seq > 0 && info.seq >= info.head;
  }

  /** The connection, without the first catching up, which is no resume. */
  private get shownInfo(): FollowerInfo | null {
    const { info } = this;
    return info && info.resumed === this.firstResume ? { ...info, resumed: null } : info;
  }

  /** Ask for confirmation, then call the service; the result arrives as events. */
  private async performAction(act: string, gate?: WaitingFor): Promise<void> {
    const { currentJob: job, run } = this;
    if (!job || this.isActing) return;
    this.notice = '';
    try {
      const call = await this.steering.confirmAction(act, { job, run, gate });
      if (!call) return;
      this.isActing = true;
      await call();
    } catch (error) {
      this.notice = describeError(error);
    }
    this.isActing = false;
  }

  private openStep(place: OpenStep | null): void {
    this.opened = place;
    history.replaceState(null, '', formatAddress(this.tab, place));
  }

  private showTab(tab: Tab): void {
    this.tab = tab;
    const opened = tab === 'matrix' ? this.opened : null;
    history.replaceState(null, '', formatAddress(tab, opened, tab === 'log' ? this.marked : ''));
  }

  private readonly markLines = ({ detail }: CustomEvent<string>): void => {
    this.marked = detail;
    history.replaceState(null, '', formatAddress('log', null, detail));
  };

  override render(): TemplateResult {
    const { currentJob, shownRun: run } = this;
    if (!currentJob) {
      return html`<header class="job-head"><h1>${this.heading}</h1>
        <p class="muted ${this.notice ? '' : 'loading'}">${this.notice || 'Loading the run…'}</p></header>`;
    }
    const left = secondsLeft(run.rows.groups, serverClock.displayTime());
    return html`
      ${headerView({
        job: currentJob,
        kindTitle: this.kindTitle,
        left,
        acting: this.isActing,
        onAct: (act) => void this.performAction(act),
        connection: html`${this.connectionView()}${this.past.opener(this.present)}`,
      })}
      ${this.notice ? noticeView('is-bad', this.notice) : nothing}
      ${this.noticesView(currentJob)} ${this.outcomeView(currentJob)}
      ${this.past.bar(this.present)}
      ${tabList(this.tab, { events: count(run.history.head) }, (tab) => this.showTab(tab))}
      ${TABS.map((tab) => this.panelView(tab))}
    `;
  }

  private get present(): Present {
    const { job, row, run } = this;
    return { job, plan: row?.plan ?? null, head: run.history.head, jobEvents: run.jobEvents };
  }

  private connectionView(): TemplateResult {
    const { shownInfo: info, run, missedWords: missed } = this;
    return jobConnectionLine(info, run.view.head, missed, () => this.tryNow(), run.isWhole);
  }

  private noticesView(job: Job): TemplateResult | typeof nothing {
    const { shownRun: run, holderTitles: titles, isActing: acting } = this;
    const onAct = (act: string, gate: WaitingFor) => void this.performAction(act, gate);
    return noticesView({ job, run, titles, acting, onAct });
  }

  private outcomeView(job: Job): TemplateResult | typeof nothing {
    const { shownRun: run, retries, canSubmit, isActing: acting } = this;
    const onAct = (act: string) => void this.performAction(act);
    return outcomeView({ job, run, retries, canSubmit, acting, onAct });
  }

  private tryNow(): void {
    if (this.info?.state === FollowerState.failed) this.follower?.start();
    else this.follower?.tryNow();
  }

  private panelView(tab: Tab): TemplateResult {
    const here = this.tab === tab;
    return html`<section class="panel panel-${tab}" id="panel-${tab}" role="tabpanel" aria-labelledby="tab-${tab}"
      ?hidden=${!here}>${here ? this.panelContent(tab) : nothing}</section>`;
  }

  private panelContent(tab: Tab): TemplateResult {
    const { shownRun: run, past, job, opened, marked } = this;
    if (tab === 'timeline') this.reader.readMoments();
    if (tab === 'matrix') void this.reader.readLastLines();
    return panelContent(tab, {
      ...{ run, job, opened, marked },
      live: !past.run && this.info?.state === FollowerState.live,
      isOpen: !this.currentJob?.finished_at,
      loading: !(past.run ? run.isRead : this.isCaughtUp),
      onOpen: ({ detail }) => {
        this.tab = 'matrix';
        this.openStep(detail);
      },
      onShut: () => this.openStep(null),
      onMark: this.markLines,
    });
  }
}
