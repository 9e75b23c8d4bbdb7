/** Every event of the run as a line, its raw form one click away. */

import { html, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type JobEvent, jsonText } from '../client';
import { LightElement } from '../elements/light-element';
import { VirtualList } from '../list/virtual-list';
import { eventGlyph, eventWords } from '../text/event-words';
import { actorName, clockTime, count, exactTime } from '../text/format';

const ROW_HEIGHT = 28;
const VIEWS = ['all', 'without output', 'job', 'failures'] as const;
type View = (typeof VIEWS)[number];
const VIEW_NAMES: Readonly<Record<View, string>> = {
  all: 'All',
  'without output': 'Without output',
  job: 'Job only',
  failures: 'Failures',
};

/** `<reprise-events .events .size>`; `events` may grow in place, `size` is its length as last known. */
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
          ${VIEWS.map(
            (view) =>
              html`<button class="segment" aria-pressed=${view === this.view} @click=${() => {
                this.view = view;
              }}>${VIEW_NAMES[view]}</button>`,
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

/** The line of an event, of the same make as on the history page. */
function createEventRow(event: JobEvent): HTMLElement {
  const details = document.createElement('details');
  details.className = 'event';
  const line = document.createElement('summary');
  line.className = 'event-line';
  const at = new Date(event.at);
  const time = cell('mono muted', clockTime(at, true));
  time.title = exactTime(at);
  line.append(
    time,
    cell('mono muted number', String(event.seq)),
    what(event),
    cell('mono clip', event.target ?? ''),
    cell('muted clip', actorName(event.actor)),
  );
  details.append(line);
  details.addEventListener('toggle', () => raw(details, event), { once: true });
  return details;
}

function what(event: JobEvent): HTMLElement {
  const name = eventGlyph(event.type);
  const found = cell(`event-what is-${name}`, '');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'glyph');
  svg.setAttribute('aria-hidden', 'true');
  if (name) {
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    use.setAttribute('href', `#g-${name}`);
    svg.append(use);
  }
  const output = event.type === 'step.output' ? 'mono muted ' : '';
  found.append(svg, cell(`${output}clip`, eventWords(event)));
  return found;
}

function raw(details: HTMLElement, event: JobEvent): void {
  const pre = document.createElement('pre');
  pre.className = 'raw';
  pre.textContent = jsonText(event, 2);
  details.append(pre);
}

function cell(name: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = name;
  element.textContent = text;
  return element;
}
