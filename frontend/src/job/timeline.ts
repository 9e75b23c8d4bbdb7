/** The timeline: a row for each target, a bar for each step, and the events of the job itself. */

import { nothing, svg, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import type { JobEvent, JobView, StepView } from '../client';
import { glyph, LightElement } from '../elements/light-element';
import { keepOneStop, moveAmong } from '../elements/one-stop';
import { serverClock } from '../elements/server-clock';
import { startTicking, stopTicking } from '../elements/ticker';
import { VisibleChunks } from '../list/visible-chunks';
import { reveal } from '../text/characters';
import { eventGlyph, eventWords } from '../text/event-words';
import { actorName, duration } from '../text/format';
import { html } from '../text/html';
import type { OpenStep } from './matrix';
import { chunkRows, type MatrixChunk } from './matrix-chunks';
import type { RowGroup, TargetRow } from './target-rows';
import { axisEnd, axisTicks } from './time-axis';

/** The width of the bars' coordinate system. */
const AXIS_WIDTH = 1000;
/** The height of a row in px, as in `timeline.css`. */
const ROW_HEIGHT = 26;

/** `<reprise-timeline .view .groups .jobEvents>`: dispatches `open` (OpenStep) when a bar is chosen. */
@customElement('reprise-timeline')
export class Timeline extends LightElement {
  @property({ attribute: false }) view: JobView | null = null;
  @property({ attribute: false }) groups: readonly RowGroup[] = [];
  @property({ attribute: false }) jobEvents: readonly JobEvent[] = [];
  @property({ type: Boolean }) loading = false;
  @state() private now = serverClock.displayTime();
  private readonly visibleChunks = new VisibleChunks(() => this.requestUpdate());
  private chunks: readonly MatrixChunk[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    // It scrolls, and may have no bar that takes the focus.
    this.tabIndex = 0;
    this.role = 'region';
    this.ariaLabel = 'Timeline';
    startTicking(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    stopTicking(this);
    this.visibleChunks.disconnect();
  }

  override updated(): void {
    const scrolls = getComputedStyle(this).overflowY !== 'visible';
    const all = this.querySelectorAll<HTMLElement>('[data-chunk]');
    keepOneStop(this.bars);
    const guess = (index: number) => (this.chunks[index]?.count ?? 0) * ROW_HEIGHT;
    this.visibleChunks.observe(scrolls ? this : null, all, guess);
  }

  /** Let running bars grow twice a second. */
  tick(now: number): void {
    if (this.offsetParent && !this.view?.finished_at && Math.abs(now - this.now) > 450)
      this.now = now;
  }

  override render(): TemplateResult {
    const start = this.view?.started_at;
    if (!start) {
      const words = this.loading ? 'Loading the run…' : 'The run has not started.';
      return html`<p class="timeline-empty muted">${words}</p>`;
    }
    const from = Date.parse(start);
    const until = this.view?.finished_at ? Date.parse(this.view.finished_at) : this.now;
    const seconds = Math.max(1, (until - from) / 1000);
    const end = this.view?.finished_at ? seconds : axisEnd(seconds);
    this.chunks = chunkRows(this.groups.map((group) => ({ group, rows: group.rows })));
    return html`<div class="timeline" @click=${this.handleClick} @keydown=${this.handleKey}>
      <div class="timeline-row timeline-head"><span></span><div class="timeline-axis">${this.axisView(end)}</div>
        <span class="number">total</span></div>
      ${repeat(
        this.chunks,
        (chunk) => chunk.index,
        (chunk) =>
          html`<div data-chunk=${chunk.index}>${
            this.visibleChunks.isNear(chunk.index)
              ? this.rowViews(
                  chunk.parts.flatMap((part) => part.rows),
                  from,
                  end,
                )
              : nothing
          }</div>`,
      )}
    </div>
    <h2 class="moments-title">What happened to the job</h2>
    <ol class="moments">${this.jobEvents.map((event) => jobEventRow(event, from))}</ol>`;
  }

  private rowViews(rows: readonly TargetRow[], from: number, end: number): unknown {
    return repeat(
      rows,
      (row) => row.target,
      (row) => {
        const grows = row.startedAt && !row.finishedAt ? this.now : 0;
        return guard([row, from, end, grows], () => this.rowView(row, from, end));
      },
    );
  }

  private axisView(end: number): TemplateResult[] {
    return axisTicks(end).map(
      (at) => html`<svg class="timeline-tick" width="100%" height="20" aria-hidden="true">
        <text x="${(100 * at) / end}%" y="14" text-anchor=${at === 0 ? 'start' : 'middle'}>${
          at === 0 ? '0' : duration(at, true)
        }</text></svg>`,
    );
  }

  private rowView(row: TargetRow, from: number, end: number): TemplateResult {
    const steps = row.rollback ? [...row.cells.values(), row.rollback] : [...row.cells.values()];
    return html`<div class="timeline-row">
      <span class="status is-${row.status}" title="${row.target}: ${row.status}">${glyph(row.status)}<span class="mono clip">${row.label}</span></span>
      <svg class="timeline-bars" viewBox="0 0 ${AXIS_WIDTH} 16" preserveAspectRatio="none" role="group"
        aria-label="${row.target || 'run'}: ${steps.length} steps">
        ${steps.map((step) => this.barView(row, step, from, end))}
      </svg>
      <span class="number">${
        row.startedAt
          ? html`<reprise-since at=${row.startedAt} until=${row.finishedAt ?? nothing}></reprise-since>`
          : nothing
      }</span>
    </div>`;
  }

  private barView(
    row: TargetRow,
    step: StepView,
    from: number,
    end: number,
  ): TemplateResult | typeof nothing {
    if (!step.started_at) return nothing;
    const until = step.finished_at ? Date.parse(step.finished_at) : this.now;
    const x = ((Date.parse(step.started_at) - from) / 1000 / end) * AXIS_WIDTH;
    const width = Math.max(
      1.5,
      ((until - Date.parse(step.started_at)) / 1000 / end) * AXIS_WIDTH - 0.75,
    );
    const took = duration((until - Date.parse(step.started_at)) / 1000);
    const name = step === row.rollback && step.status === 'succeeded' ? 'rolled-back' : step.status;
    const words = `${reveal(step.step)}: ${step.status}, ${took}`;
    return svg`<rect class="is-${name}" role="button" aria-label=${`${row.target || 'run'}, ${words}`} x=${x.toFixed(2)} y="2" width=${width.toFixed(2)} height="12"
      data-target=${row.target} data-step=${step.step}><title>${words}</title></rect>`;
  }

  private get bars(): SVGElement[] {
    return [...this.querySelectorAll<SVGElement>('rect[data-step]')];
  }

  /** Arrows move among the bars; Enter and the space bar open one. */
  private handleKey(event: KeyboardEvent): void {
    if (moveAmong(this.bars, event) || !['Enter', ' '].includes(event.key)) return;
    event.preventDefault();
    this.handleClick(event);
  }

  private handleClick(event: Event): void {
    const rect = (event.target as Element).closest<SVGElement>('rect[data-step]');
    if (!rect) return;
    const detail: OpenStep = { target: rect.dataset.target ?? '', step: rect.dataset.step ?? '' };
    this.dispatchEvent(new CustomEvent('open', { detail }));
  }
}

function jobEventRow(event: JobEvent, from: number): TemplateResult {
  const name = eventGlyph(event.type);
  const after = (Date.parse(event.at) - from) / 1000;
  return html`<li class="moment">
    <reprise-time class="mono muted" at=${event.at} form="clock"></reprise-time>
    <span class="mono muted number">${after < 0 ? '' : `+${duration(after, true)}`}</span>
    <span class="event-what is-${name}">${name ? glyph(name) : html`<i class="glyph"></i>`}<span>${eventWords(event)}</span></span>
    <span class="muted">${actorName(event.actor)}</span>
  </li>`;
}
