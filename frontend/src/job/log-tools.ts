/** The bars above the log: buttons, and the filters. */

import { nothing, type TemplateResult } from 'lit';
import { lineName } from '../client';
import { glyph } from '../elements/light-element';
import { count } from '../text/format';
import { html } from '../text/html';
import type { StepOf } from './log-head';
import { compareLines, type LineRange } from './log-lines';
import { isEveryLine, type LogFilter, type LogQuery, NO_FILTER } from './log-query';

/** What a reader can filter by. */
export interface FilterChoices {
  readonly targets: readonly string[];
  readonly steps: readonly string[];
  /** The steps that failed or needed another try, by `placeOf`. */
  readonly failed: ReadonlySet<string>;
  readonly stepOf: StepOf;
}

/** Nothing to choose: the filters are not shown. */
export const NO_CHOICES: FilterChoices = {
  targets: [],
  steps: [],
  failed: new Set(),
  stepOf: () => null,
};

const STREAMS = { '': 'Both streams', out: 'Standard output', err: 'Standard error' } as const;

/** A button with a glyph. */
export function toolButton(
  name: string,
  label: string,
  onClick: () => void,
  pressed?: boolean,
  title = label,
): TemplateResult {
  return html`<button class="tool" aria-pressed=${pressed === undefined ? nothing : String(pressed)}
    title=${title} @click=${onClick}>${glyph(name)}<span>${label}</span></button>`;
}

/** The marked lines in a few words. */
export function rangeWords([from, to]: LineRange): string {
  const isOne = compareLines(from, to) === 0;
  return isOne ? `#${lineName(from)}` : `#${lineName(from)} to #${lineName(to)}`;
}

/** The row of filters; `onChoose` gets the reader's choice. */
export function filterTools(
  choices: FilterChoices,
  chosen: LogFilter,
  query: LogQuery | null,
  onChoose: (chosen: LogFilter) => void,
): TemplateResult | typeof nothing {
  if (choices === NO_CHOICES) return nothing;
  const { stream, failures } = chosen;
  return html`<div class="log-filters" role="group" aria-label="Which lines">
    ${nameFilter('Target', choices.targets, chosen.target, (target) => onChoose({ ...chosen, target }))}
    ${nameFilter('Step', choices.steps, chosen.step, (step) => onChoose({ ...chosen, step }))}
    <select class="field" aria-label="Stream" @change=${(event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      onChoose({ ...chosen, stream: value as LogFilter['stream'] });
    }}>${Object.entries(STREAMS).map(
      ([value, words]) =>
        html`<option value=${value} ?selected=${value === stream}>${words}</option>`,
    )}</select>
    <button class="tool" aria-pressed=${String(failures)} @click=${() =>
      onChoose({ ...chosen, failures: !failures })}>Failures only</button>
    ${
      isEveryLine(chosen)
        ? nothing
        : html`<button class="tool" @click=${() => onChoose(NO_FILTER)}>Show all</button>
          <span class="muted" role="status">${query && foundWords(query)}</span>`
    }
  </div>`;
}

function foundWords({ seqs, isBusy, failure }: LogQuery): string {
  if (failure) return 'The log could not be filtered.';
  if (isBusy) return `${count(seqs.length)} so far`;
  return seqs.length ? '' : 'No such lines.';
}

/** A field with suggestions, for names of which there may be a thousand. */
function nameFilter(
  label: string,
  names: readonly string[],
  chosen: string | null,
  onChoose: (name: string | null) => void,
): TemplateResult {
  const id = `log-filter-${label.toLowerCase()}`;
  const pick = ({ target }: Event) => {
    const { value } = target as HTMLInputElement;
    if (!value) onChoose(null);
    else if (names.includes(value)) onChoose(value);
  };
  return html`<input class="field" type="search" list=${id} placeholder=${label} aria-label=${label}
      .value=${chosen ?? ''} @input=${pick} @change=${pick} />
    <datalist id=${id}>${names.map((name) => html`<option value=${name}></option>`)}</datalist>`;
}
