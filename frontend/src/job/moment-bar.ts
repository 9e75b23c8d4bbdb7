/** The bar that takes the job page back in time: a slider over all seqs, playing, the next failure. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type JobEvent, type JobView, realClock } from '../client';
import { describeError } from '../elements/api';
import { glyph, LightElement } from '../elements/light-element';
import { count } from '../text/format';
import { html } from '../text/html';
import { MomentPlayer, type MomentSource, SPEEDS } from './moment-player';

/** While the slider is dragged, a state is asked for this often at most. */
const SEEK_MS = 150;

/** The job at a moment; `events` came between it and the moment before, null after a move. */
export interface Moment {
  readonly view: JobView;
  readonly events: readonly JobEvent[] | null;
}

/**
 * `<reprise-moments .source .head seq>`: shows the moment `seq` first. Dispatches `moment` with each
 * `Moment`, and with null when the reader goes back to now.
 */
@customElement('reprise-moments')
export class MomentBar extends LightElement {
  @property({ attribute: false }) source!: MomentSource;
  @property({ type: Number }) head = 0;
  @property({ type: Number }) seq = 0;
  @state() private shown: JobView | null = null;
  /** Where the slider is dragged to; null while it rests. */
  @state() private dragged: number | null = null;
  @state() private words = '';

  private player: MomentPlayer | undefined;
  private seekTimer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.seekTimer);
    this.player?.pause();
  }

  override willUpdate(changed: PropertyValues): void {
    if (!this.player && this.source) {
      this.player = new MomentPlayer(this.source, realClock, (events) => this.handleMoment(events));
    }
    if (changed.has('seq') && this.seq !== this.player?.seq) void this.player?.goTo(this.seq);
  }

  private handleMoment(events: readonly JobEvent[] | null): void {
    const { player } = this;
    if (!player) return;
    this.words = player.error ? describeError(player.error) : '';
    this.requestUpdate();
    if (!player.seq || player.view === this.shown) return;
    this.shown = player.view;
    this.seq = player.seq;
    this.tell({ view: player.view, events });
  }

  private tell(moment: Moment | null): void {
    this.dispatchEvent(new CustomEvent('moment', { detail: moment }));
  }

  private handleSlide(event: Event): void {
    this.dragged = Number((event.target as HTMLInputElement).value);
    this.seekTimer ??= setTimeout(() => {
      this.seekTimer = undefined;
      if (this.dragged !== null) void this.player?.goTo(this.dragged);
    }, SEEK_MS);
  }

  private handleSlid(event: Event): void {
    this.dragged = null;
    clearTimeout(this.seekTimer);
    this.seekTimer = undefined;
    void this.player?.goTo(Number((event.target as HTMLInputElement).value));
  }

  private togglePlaying(): void {
    const { player } = this;
    if (!player) return;
    if (player.isPlaying) player.pause();
    else if (player.seq < this.head) player.play();
    else void player.goTo(1).then(() => player.play());
  }

  private async showNextFailure(): Promise<void> {
    const found = await this.player?.goToNextFailure();
    if (!found && !this.player?.error) this.words = 'No step fails after this moment.';
  }

  private setSpeed(event: Event): void {
    if (this.player) this.player.speed = Number((event.target as HTMLSelectElement).value);
  }

  override render(): TemplateResult {
    const { player, shown } = this;
    const seq = this.dragged ?? this.seq;
    const at = shown && this.dragged === null ? shown.last_at : null;
    const playing = player?.isPlaying ?? false;
    return html`<div class="moments" role="group" aria-label="The run as it stood">
      <button class="button" @click=${() => this.togglePlaying()}>${glyph(playing ? 'paused' : 'play')}${playing ? 'Pause' : 'Play'}</button>
      <select class="field" aria-label="Speed" @change=${this.setSpeed}>
        ${SPEEDS.map((speed) => html`<option value=${speed} ?selected=${speed === player?.speed}>${speed}×</option>`)}
      </select>
      <input type="range" min="1" max=${Math.max(1, this.head)} .value=${String(seq)} aria-label="Moment"
        aria-valuetext="event ${count(seq)} of ${count(this.head)}" @input=${this.handleSlide} @change=${this.handleSlid} />
      <span class="moments-seq">as of #${count(seq)} of ${count(this.head)}${
        at ? html` · <reprise-time at=${at} form="clock"></reprise-time>` : nothing
      }</span>
      <button class="button" @click=${() => void this.showNextFailure()}>Next failure</button>
      <button class="button" @click=${() => this.tell(null)}>Back to now</button>
      <span class="muted" role="status">${this.words}</span>
    </div>`;
  }
}
