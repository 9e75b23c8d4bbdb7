/** The job page as it was: a bar to choose a moment, and the run as it stood there. */

import { nothing, type TemplateResult } from 'lit';
import type { JobEvent, Plan } from '../client';
import { glyph } from '../elements/light-element';
import { serverClock } from '../elements/server-clock';
import { html } from '../text/html';
import { readPage } from './history-pages';
import type { Moment } from './moment-bar';
import { momentSource } from './moment-source';
import { RunModel } from './run-model';
import './moment-bar';

/** What the past needs of the page. */
export interface Present {
  readonly job: string;
  readonly plan: Plan | null;
  readonly head: number;
  readonly jobEvents: readonly JobEvent[];
}

/** Keeps the run at a past moment; `onChange` is called when another one is shown. */
export class PastRun {
  /** The run as it stood; null while the page shows it as it is. */
  run: RunModel | null = null;
  private source: ReturnType<typeof momentSource> | undefined;
  /** The moment in the page's address; 0 while the bar is not there. */
  private seq = seqInAddress();

  constructor(private readonly onChange: () => void) {}

  /** The button that opens the bar. */
  opener({ head }: Present): TemplateResult | typeof nothing {
    if (this.seq || head < 2) return nothing;
    return html`<button class="tool" title="Go back in time" aria-label="Go back in time" @click=${() => this.open(head)}>${glyph('clock')}</button>`;
  }

  /** The bar, while the reader looks at the past. */
  bar(now: Present): TemplateResult | typeof nothing {
    if (!this.seq || now.head < 1) return nothing;
    this.source ??= momentSource(now.job);
    return html`<reprise-moments .source=${this.source} .head=${now.head} seq=${Math.min(this.seq, now.head)}
      @moment=${({ detail }: CustomEvent<Moment | null>) => this.show(detail, now)}></reprise-moments>`;
  }

  private begin(run: RunModel): void {
    this.run = run;
    void this.readTail(run);
  }

  /** Read the last events of a run, if it is still shown. */
  private async readTail(run: RunModel): Promise<void> {
    try {
      const events = await run.history.load(run.history.count - 1);
      if (run === this.run) run.setTail(events);
    } catch {
      // What the panels need of it they ask for again.
    }
    this.onChange();
  }

  private open(seq: number): void {
    this.seq = seq;
    this.onChange();
  }

  private show(moment: Moment | null, now: Present): void {
    this.seq = moment?.view.head ?? 0;
    if (!moment) this.run = null;
    else if (moment.events && this.run) this.run.queue(moment.events);
    else this.begin(runAt(moment, now));
    this.run?.applyQueued();
    serverClock.showPast(moment?.view.last_at ?? null);
    setSeqInAddress(this.seq);
    this.onChange();
  }
}

/** Return the run as it stood at a moment, without its last events. */
function runAt({ view }: Moment, { job, plan, jobEvents }: Present): RunModel {
  const run: RunModel = new RunModel(job, view.head, plan, async (id, page) => {
    const { events, bytes } = await readPage(id, page);
    return { events: events.filter(({ seq }) => seq <= run.history.head), bytes };
  });
  run.setState(view);
  run.addJobEvents(jobEvents.filter(({ seq }) => seq <= view.head));
  return run;
}

function seqInAddress(): number {
  const at = Number(new URLSearchParams(location.search).get('at'));
  return Number.isSafeInteger(at) && at > 0 ? at : 0;
}

function setSeqInAddress(seq: number): void {
  const address = new URL(location.href);
  if (seq) address.searchParams.set('at', String(seq));
  else address.searchParams.delete('at');
  history.replaceState(null, '', address);
}
