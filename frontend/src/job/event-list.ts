/** The events of a run, one line each; a click shows the raw event. */

import { type PropertyValues, render, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type JobEvent, jsonText } from '../client';
import { glyph, LightElement } from '../elements/light-element';
import type { RowPages } from '../list/page-heights';
import { PagedList } from '../list/paged-list';
import { revealJson } from '../text/characters';
import { eventGlyph, eventWords } from '../text/event-words';
import { actorName, clockTime, count, exactTime, titleFromName } from '../text/format';
import { html } from '../text/html';
import { EVENT_VIEWS, type EventView } from './event-types';
import { type HistoryPages, PAGE_SIZE } from './history-pages';
import { TypedEvents } from './typed-events';

const ROW_HEIGHT = 28;
/** With so much left below the view (px), more events are read. */
const READ_AHEAD = 2000;

/** `<reprise-events .history .size job>`: a new `size` shows what was appended. */
@customElement('reprise-events')
export class EventList extends LightElement {
  @property({ attribute: false }) history: HistoryPages | null = null;
  @property({ type: Number }) size = 0;
  @property() job = '';
  @state() private view: EventView = 'without output';
  @query('.events-scroll') private scroller!: HTMLElement;
  @query('.list-space') private space!: HTMLElement;
  @query('.events-lines') private listBody!: HTMLElement;
  private list: PagedList<JobEvent> | undefined;
  private typed: TypedEvents | null = null;
  private unsubscribe: (() => void) | undefined;
  private resizeObserver: ResizeObserver | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.list?.disconnect();
    this.unsubscribe?.();
    this.resizeObserver?.disconnect();
    this.list = undefined;
  }

  override updated(changed: PropertyValues): void {
    if (!this.history) return;
    if (!this.list || changed.has('history') || changed.has('view')) this.begin(this.history);
    else if (changed.has('size')) this.readMore();
  }

  private begin(history: HistoryPages): void {
    this.unsubscribe?.();
    this.unsubscribe = history.subscribe(() => this.list?.update());
    const types = EVENT_VIEWS[this.view];
    this.typed = types && new TypedEvents(this.job, history, types, () => this.readMore());
    const source = this.typed ? onePage(this.typed) : everyPage(history);
    if (this.list) this.list.setSource(source);
    else {
      const { scroller, space, listBody } = this;
      this.list = new PagedList(scroller, space, listBody, source, ROW_HEIGHT, createEventRow);
      this.resizeObserver = new ResizeObserver(() => this.list?.update());
      this.resizeObserver.observe(this.scroller);
    }
    this.readMore();
  }

  /** Show what has come; read on if the reader is near the end of it. */
  private readMore(): void {
    this.list?.update();
    if (!this.typed || this.typed.isComplete || !this.list?.isAtEnd(READ_AHEAD)) return;
    this.typed.readMore();
    this.list.update();
  }

  private handleScroll(): void {
    this.list?.handleScroll();
    this.readMore();
  }

  override render(): TemplateResult {
    return html`<div class="events-tools">
        <div class="segments" role="group" aria-label="Which events">
          ${(Object.keys(EVENT_VIEWS) as EventView[]).map(
            (view) =>
              html`<button class="segment" aria-pressed=${view === this.view} @click=${() => {
                this.view = view;
              }}>${VIEW_WORDS[view] ?? titleFromName(view)}</button>`,
          )}
        </div>
        <span class="bar-gap"></span><span class="muted">${count(this.size)} events</span>
      </div>
      <div class="events-scroll" tabindex="0" role="region" aria-label="Events"
        @scroll=${this.handleScroll}><div class="list-space"></div><div class="events-lines list-body"></div></div>`;
  }
}

/** The words of views that are not their names. */
const VIEW_WORDS: Partial<Record<EventView, string>> = { job: 'Job only' };

/** Every event, by the pages of the history. */
function everyPage(history: HistoryPages): RowPages<JobEvent> {
  return {
    get count() {
      return history.count;
    },
    rows: (page) => history.want(page),
    expected: (page) => Math.min(PAGE_SIZE, history.head - page * PAGE_SIZE),
  };
}

/** The events of some types, as one page that grows. */
function onePage({ events }: TypedEvents): RowPages<JobEvent> {
  return { count: 1, rows: () => events, expected: () => events.length };
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
