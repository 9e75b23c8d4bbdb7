/** The panels of the job page, one for each tab. */

import { nothing, type TemplateResult } from 'lit';
import { html } from '../text/html';
import type { OpenStep } from './matrix';
import type { RunModel } from './run-model';
import type { Tab } from './tabs';
import './event-list';
import './matrix';
import './step-output';
import './timeline';

/** What the panels show, and what they tell the page. */
export interface PanelParts {
  readonly run: RunModel;
  readonly job: string;
  readonly opened: OpenStep | null;
  /** The name of the marked lines of the log. */
  readonly marked: string;
  /** Whether the page hears of what happens. */
  readonly live: boolean;
  /** Whether there may be more events. */
  readonly isOpen: boolean;
  readonly loading: boolean;
  readonly onOpen: (event: CustomEvent<OpenStep>) => void;
  readonly onShut: () => void;
  readonly onMark: (event: CustomEvent<string>) => void;
}

/** The panel of a tab. */
export function panelContent(tab: Tab, parts: PanelParts): TemplateResult {
  const { run, job, opened, live, loading, onOpen } = parts;
  switch (tab) {
    case 'timeline':
      return html`<reprise-timeline .view=${run.view} .groups=${run.rows.groups} .jobEvents=${run.jobEvents}
        ?loading=${loading} @open=${onOpen}></reprise-timeline>`;
    case 'log':
      return logPanel(parts);
    case 'events':
      return html`<reprise-events .history=${run.history} .size=${run.history.head} job=${job}></reprise-events>`;
    default:
      return html`<reprise-matrix .groups=${run.rows.groups} .columns=${run.rows.columns} .opened=${opened}
          .lastLine=${run.lastLines.of} ?live=${live} @open=${onOpen}></reprise-matrix>
        ${opened ? outputPanel(opened, parts) : nothing}`;
  }
}

function logPanel({ run, job, marked, isOpen, loading, onMark }: PanelParts): TemplateResult {
  return html`<reprise-log .pages=${run.log} .size=${run.history.head} .revision=${run.log.revision} .choices=${run.choices}
    job=${job} from tail markable marked=${marked} @mark=${onMark} ?live=${isOpen} file="reprise-${job.slice(-8)}.log"
    empty=${loading ? 'Loading the log…' : 'No output yet.'}></reprise-log>`;
}

/** The output of the step that is open. */
function outputPanel(opened: OpenStep, parts: PanelParts): TemplateResult {
  const { run, job, loading, onOpen, onShut } = parts;
  const row = run.rows.all.find((each) => each.target === opened.target) ?? null;
  return html`<reprise-output .row=${row} .opened=${opened} .pages=${run.log} .size=${run.history.head}
    .revision=${run.log.revision} job=${job} ?loading=${loading} @open=${onOpen} @shut=${onShut}></reprise-output>`;
}
