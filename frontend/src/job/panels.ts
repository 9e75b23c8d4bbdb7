/** The panels of the job page that show output: the log, and that of one step. */

import type { TemplateResult } from 'lit';
import { html } from '../text/html';
import type { OpenStep } from './matrix';
import type { RunModel } from './run-model';
import './step-output';

/** The log of a run; `onMark` gets the name of the lines that the reader marks. */
export function logPanel(
  run: RunModel,
  job: string,
  marked: string,
  live: boolean,
  loading: boolean,
  onMark: (event: CustomEvent<string>) => void,
): TemplateResult {
  return html`<reprise-log .pages=${run.log} .size=${run.history.head} .revision=${run.log.revision} .choices=${run.choices}
    job=${job} from tail markable marked=${marked} @mark=${onMark} ?live=${live} file="reprise-${job.slice(-8)}.log"
    empty=${loading ? 'Loading the log…' : 'No output yet.'}></reprise-log>`;
}

/** The output of the step that is open. */
export function outputPanel(
  run: RunModel,
  job: string,
  opened: OpenStep,
  loading: boolean,
  onOpen: (event: CustomEvent<OpenStep>) => void,
  onShut: () => void,
): TemplateResult {
  const row = run.rows.all.find((each) => each.target === opened.target) ?? null;
  return html`<reprise-output .row=${row} .opened=${opened} .pages=${run.log} .size=${run.history.head}
    .revision=${run.log.revision} job=${job} ?loading=${loading} @open=${onOpen} @shut=${onShut}></reprise-output>`;
}
