/** The output of one step, below the matrix. */

import { nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { keep, recall } from '../client';
import { glyph, LightElement, statusView } from '../elements/light-element';
import { useShortcuts } from '../elements/shortcuts';
import { shortId } from '../text/format';
import { html } from '../text/html';
import type { LogPages } from './log-pages';
import { type LogFilter, NO_FILTER } from './log-query';
import type { OpenStep } from './matrix';
import { stepTime } from './matrix-cells';
import type { TargetRow } from './target-rows';
import './log-view';

const MIN_HEIGHT = 120;

/** `<reprise-output .row .opened .pages .revision job loading>`: dispatches `open` for another step, and `shut`. */
@customElement('reprise-output')
export class StepOutput extends LightElement {
  @property({ attribute: false }) row: TargetRow | null = null;
  @property({ attribute: false }) opened: OpenStep | null = null;
  @property({ attribute: false }) pages: LogPages | null = null;
  @property({ type: Number }) size = 0;
  @property({ type: Number }) revision = 0;
  @property() job = '';
  @property({ type: Boolean }) loading = false;
  private filter: LogFilter = NO_FILTER;

  constructor() {
    super();
    useShortcuts(this, [{ keys: ['Escape'], label: 'Close the output', run: () => this.close() }]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const height = Number(recall('localStorage', 'reprise:output-height'));
    if (height) this.resize(height);
  }

  private close(): undefined {
    this.dispatchEvent(new CustomEvent('shut'));
  }

  /** Drag the upper edge; the height is remembered. */
  private startDrag({ currentTarget, pointerId, clientY }: PointerEvent): void {
    const grip = currentTarget as HTMLElement;
    const sum = clientY + this.offsetHeight;
    grip.setPointerCapture(pointerId);
    grip.onpointermove = (event) => this.resize(sum - event.clientY);
    grip.onlostpointercapture = () => {
      grip.onpointermove = null;
    };
  }

  private handleGripKey(event: KeyboardEvent): void {
    const by = { ArrowUp: 32, ArrowDown: -32 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.resize(this.offsetHeight + by);
  }

  private resize(height: number): void {
    const fit = Math.min(innerHeight * 0.75, Math.max(MIN_HEIGHT, height));
    this.style.setProperty('--output-height', `${Math.round(fit)}px`);
    keep('localStorage', 'reprise:output-height', String(Math.round(fit)));
  }

  protected override willUpdate(): void {
    const { target = '', step = '' } = this.opened ?? {};
    if (target !== this.filter.target || step !== this.filter.step) {
      this.filter = { ...NO_FILTER, target, step };
    }
  }

  override render(): TemplateResult {
    const { row, opened } = this;
    if (!opened) return html``;
    const step =
      (row?.rollback?.step === opened.step ? row.rollback : row?.cells.get(opened.step)) ?? null;
    const steps = [...(row?.cells.keys() ?? []), ...(row?.rollback ? [row.rollback.step] : [])];
    return html`<div class="output-grip" role="separator" aria-orientation="horizontal" tabindex="0"
        aria-valuemin=${MIN_HEIGHT} aria-valuenow=${this.offsetHeight || MIN_HEIGHT} aria-label="Height of the output" @pointerdown=${this.startDrag} @keydown=${this.handleGripKey}></div>
      <header class="output-head">
        <h2 class="mono">${opened.target || 'run'}</h2>${glyph('right')}
        <select class="output-step" aria-label="Step" @change=${(e: Event) => this.pickStep((e.target as HTMLSelectElement).value)}>
          ${(steps.includes(opened.step) ? steps : [...steps, opened.step]).map(
            (name) =>
              html`<option value=${name} ?selected=${name === opened.step}>${name}</option>`,
          )}
        </select>
        ${step ? html`${statusView(step.status)} <span class="muted">${stepTime(step)}${step.try > 1 ? `, try ${step.try}` : ''}</span>` : nothing}
        <span class="bar-gap"></span>
        <button class="tool" @click=${this.close} title="Close (Esc)" aria-label="Close the output">${glyph('close')}</button>
      </header>
      <reprise-log .pages=${this.pages} .size=${this.size} .revision=${this.revision} .filter=${this.filter} job=${this.job} ?live=${step?.status === 'running'}
        file="reprise-${shortId(this.job)}-${opened.target || 'run'}-${opened.step}.log"
        empty=${this.loading ? 'Loading the output…' : emptyWords(step?.status)}></reprise-log>`;
  }

  private pickStep(step: string): void {
    const detail: OpenStep = { target: this.opened?.target ?? '', step };
    this.dispatchEvent(new CustomEvent('open', { detail }));
  }
}

function emptyWords(status: string | undefined): string {
  if (!status) return 'This step has not started.';
  return status === 'running' ? 'No output yet.' : 'This step had no output.';
}
