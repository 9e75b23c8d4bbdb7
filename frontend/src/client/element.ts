import { fold, type JobView, NOTHING } from './fold.js';
import { type Follower, follow } from './follower.js';
import { type FollowerInfo, FollowerState } from './info.js';
import type { FollowOptions } from './options.js';
import { type OutputLine, Terminals } from './output.js';
import type { JobEvent } from './types.js';

/** Lines of output that are shown, if `lines` says nothing else. */
const LINES = 20;
const MOST_LINES = 1000;

const CONNECTION: Readonly<Record<FollowerState, string>> = {
  [FollowerState.idle]: '',
  [FollowerState.connecting]: 'connecting …',
  [FollowerState.catchingUp]: 'getting history …',
  [FollowerState.live]: 'live',
  [FollowerState.quiet]: 'no word from the server',
  [FollowerState.reconnecting]: 'connection lost, trying again …',
  [FollowerState.offline]: 'offline',
  [FollowerState.ended]: '',
  [FollowerState.failed]: 'cannot be followed',
};

const STYLE = `
:host { display: block; font: 0.875rem/1.5 system-ui, sans-serif; color-scheme: light dark; }
:host([hidden]) { display: none; }
header { display: flex; flex-wrap: wrap; gap: 0 0.75em; align-items: baseline; }
[part=title] { font-weight: 600; }
[part=connection], [part=count] { opacity: 0.75; }
[part=output] { margin: 0.5em 0 0; overflow-x: auto; font: 0.8125rem/1.4 ui-monospace, monospace; }
[part=output]:empty { display: none; }
`;

/**
 * `<reprise-job src="https://host/jobs/<id>" ticket-src="/my/ticket">`: a job as it stands, live.
 *
 * `src` is any address of the job. On another origin, each connection needs a new ticket: `ticket-src` is
 * an address of the page's own server that answers a POST with `{"ticket": "…"}`; or set the property
 * `ticket` to a function that gets one. `lines` is how much of the output is shown (20; 0 for none).
 * Parts for `::part`: `title`, `status`, `count`, `connection`, `output`. Each change is a `change`
 * event, whose `detail` has the `view` and the `info` of the follower.
 */
export class RepriseJob extends HTMLElement {
  static readonly observedAttributes = ['src', 'ticket-src', 'lines'];
  /** Gets a ticket for one connection. */
  ticket: (() => Promise<string>) | undefined;
  /** More options of `follow`: a token, or a platform. */
  options: Omit<FollowOptions, 'onEvents' | 'onState' | 'onReset'> = {};
  #follower: Follower | null = null;
  #view: JobView = NOTHING;
  #lines: OutputLine[] = [];
  #terminals = this.#newTerminals();
  #isDrawDue = false;
  readonly #parts: Readonly<
    Record<'title' | 'status' | 'count' | 'connection' | 'output', HTMLElement>
  >;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const header = document.createElement('header');
    const make = (part: string, tag = 'span') => {
      const made = document.createElement(tag);
      made.part.add(part);
      return made;
    };
    this.#parts = {
      title: make('title'),
      status: make('status'),
      count: make('count'),
      connection: make('connection'),
      output: make('output', 'pre'),
    };
    const { title, status, count, connection, output } = this.#parts;
    status.role = 'status';
    header.append(title, status, count, connection);
    root.append(header, output);
  }

  /** The job's state, by the rules of `fold`. */
  get view(): JobView {
    return this.#view;
  }

  /** The connection; null before there is a usable `src`. */
  get info(): FollowerInfo | null {
    return this.#follower?.info ?? null;
  }

  connectedCallback(): void {
    this.#follow();
  }

  disconnectedCallback(): void {
    this.#follower?.stop();
    this.#follower = null;
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.isConnected || before === now) return;
    if (name === 'lines') this.#drawSoon();
    else this.#follow();
  }

  #follow(): void {
    this.#follower?.stop();
    this.#follower = null;
    this.#forget();
    this.#drawSoon();
    const src = this.getAttribute('src');
    if (!src) return;
    const get = this.ticket ?? this.#ticketFrom(this.getAttribute('ticket-src'));
    this.#follower = follow(new URL(src, document.baseURI).href, {
      ...(get ? { ticket: get } : {}),
      restart: true,
      ...this.options,
      onEvents: (events) => this.#take(events),
      onState: () => this.#drawSoon(),
      onReset: () => this.#forget(),
    });
  }

  #ticketFrom(address: string | null): (() => Promise<string>) | null {
    if (!address) return null;
    return async () => {
      const answer = await fetch(address, {
        method: 'POST',
        headers: { Accept: 'application/json' },
      });
      if (!answer.ok) throw new Error(`No ticket: ${answer.status}.`);
      const { ticket } = (await answer.json()) as { ticket: string };
      return ticket;
    };
  }

  #forget(): void {
    this.#view = NOTHING;
    this.#lines = [];
    this.#terminals = this.#newTerminals();
  }

  #newTerminals(): Terminals {
    return new Terminals((line) => {
      this.#lines.push(line);
      if (this.#lines.length > 2 * MOST_LINES) this.#lines.splice(0, MOST_LINES);
    });
  }

  #take(events: readonly JobEvent[]): void {
    this.#view = fold(this.#view, events);
    for (const event of events) this.#terminals.take(event);
    this.#drawSoon();
  }

  /** Draw once for all that comes before the next frame. */
  #drawSoon(): void {
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    requestAnimationFrame(() => {
      this.#isDrawDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { title, status, count, connection, output } = this.#parts;
    const { info } = this;
    const { status: word, submitted, done, total, failed } = this.#view;
    setText(title, submitted?.title ?? '');
    setText(status, word);
    this.dataset.status = word;
    setText(count, total ? `${done} of ${total}${failed ? `, ${failed} failed` : ''}` : '');
    setText(connection, info ? CONNECTION[info.state] : '');
    setText(output, this.#shownLines());
    this.dispatchEvent(new CustomEvent('change', { detail: { view: this.#view, info } }));
  }

  #shownLines(): string {
    const asked = Number(this.getAttribute('lines') ?? LINES);
    const most = Math.min(Number.isInteger(asked) && asked >= 0 ? asked : LINES, MOST_LINES);
    const shown = most > 0 ? this.#lines.slice(-most) : [];
    return shown.map(({ content }) => content.text).join('\n');
  }
}

/** Set a text, unless it is there: a screen reader announces what is set. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

declare global {
  interface HTMLElementTagNameMap {
    'reprise-job': RepriseJob;
  }
}

if (!customElements.get('reprise-job')) customElements.define('reprise-job', RepriseJob);
