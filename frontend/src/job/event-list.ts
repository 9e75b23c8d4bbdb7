/** The events of a run, one line each; a click shows the raw event. */

import { type PropertyValues, render, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type JobEvent, jsonText } from '../client';
import { glyph, LightElement } from '../elements/light-element';
import { VirtualList } from '../list/virtual-list';
import { revealJson } from '../text/characters';
import { eventGlyph, eventWords } from '../text/event-words';
import { actorName, clockTime, count, exactTime } from '../text/format';
import { html } from '../text/html';

const ROW_HEIGHT = 28;
const VIEWS = {
  all: 'All',
  'without output': 'Without output',
  job: 'Job only',
  failures: 'Failures',
} as const;
type View = keyof typeof VIEWS;

/** `<reprise-events .events .size>`: `events` may grow in place; a new `size` shows what was appended. */
@customElement('reprise-events')
export class EventList extends LightElement {
  @property({ attribute: false }) events: readonly JobEvent[] = [];
  @property({ type: Number }) size = 0;
  @state() private view: View = 'without output';
  @query('.events-scroll') private scroller!: HTMLElement;
  @query('.events-lines') private listBody!: HTMLElement;
  private list: VirtualList<JobEvent> | undefined;
  private shown: JobEvent[] = [];
  private collected = 0;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.list?.disconnect();
    this.list = undefined;
  }

  override updated(changed: PropertyValues): void {
    this.list ??= new VirtualList(this.scroller, this.listBody, ROW_HEIGHT, createEventRow);
    if (changed.has('events') || changed.has('view')) {
      this.collected = 0;
      this.shown = [];
      this.collectEvents();
      this.list.setItems(this.shown);
    } else if (changed.has('size')) {
      this.collectEvents();
      this.list.appendNew();
    }
  }

  private collectEvents(): void {
    for (; this.collected < this.events.length; this.collected += 1) {
      const event = this.events[this.collected];
      if (event && matchesView(event, this.view)) this.shown.push(event);
    }
  }

  override render(): TemplateResult {
    return html`<div class="events-tools">
        <div class="segments" role="group" aria-label="Which events">
          ${(Object.keys(VIEWS) as View[]).map(
            (view) =>
              html`<button class="segment" aria-pressed=${view === this.view} @click=${() => {
                this.view = view;
              }}>${VIEWS[view]}</button>`,
          )}
        </div>
        <span class="bar-gap"></span><span class="muted">${count(this.size)} events</span>
      </div>
      <div class="events-scroll" tabindex="0" role="region" aria-label="Events"><div class="events-lines"></div></div>`;
  }
}

function matchesView(event: JobEvent, view: View): boolean {
  switch (view) {
    case 'without output':
      return event.type !== 'step.output' && event.type !== 'step.progressed';
    case 'job':
      return !event.type.startsWith('step.');
    case 'failures':
      return event.type === 'step.failed' || event.type === 'job.failed';
    default:
      return true;
  }
}

/** The line of an event, with the markup of the history page. */
function createEventRow(event: JobEvent): HTMLElement {
  const { type, seq, target = '', actor } = event;
  const at = new Date(event.at);
  const name = eventGlyph(type);
  const showRaw = ({ currentTarget }: Event) => {
    const pre = document.createElement('pre');
    pre.className = 'raw';
    pre.textContent = revealJson(jsonText(event, 2));
    (currentTarget as HTMLElement).append(pre);
  };
  const fragment = document.createDocumentFragment();
  render(
    html`<details class="event" @toggle=${{ handleEvent: showRaw, once: true }}><summary class="event-line">
      <span class="mono muted" title=${exactTime(at)}>${clockTime(at, true)}</span>
      <span class="mono muted number">${seq}</span>
      <span class="event-what is-${name}">${name ? glyph(name) : html`<i class="glyph"></i>`}<span
        class="${type === 'step.output' ? 'mono muted ' : ''}clip">${eventWords(event)}</span></span>
      <span class="mono clip">${target}</span><span class="muted clip">${actorName(actor)}</span>
    </summary></details>`,
    fragment,
  );
  return fragment.firstElementChild as HTMLElement;
}
