/** One field of a generated form: label, control, help, error. */

import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { jsonText } from '../client/index';
import { glyph } from '../elements/light-element';
import { someOf } from './choice-list';
import type { Ask, Way } from './controls';
import { changed, type Entry, type Field, isOdd, switched } from './form';
import { pasted, stepBy } from './typing';

/** What a field shows and whom it tells. */
export interface FieldView {
  readonly field: Field;
  readonly entry: Entry;
  readonly error: string;
  /** What the reader typed to find a choice. */
  readonly find: string;
  readonly onEntry: (entry: Entry) => void;
  readonly onFind: (text: string) => void;
}

/** What the ways to ask are called where a field has several. */
const NAMES: Readonly<Record<Ask, string>> = {
  number: 'Number',
  text: 'Text',
  'long-text': 'Text',
  password: 'Secret',
  'long-password': 'Secret',
  'yes-no': 'Yes or no',
  'one-of': 'Choice',
  'some-of': 'List',
  lines: 'List',
  json: 'JSON',
};

const ODD = 'The usual field cannot hold this value. Left as it is, it is sent exactly as it came.';
const SECRET = 'The earlier job had one, which is not handed out: give it again.';

/** Draw the field. */
export function fieldView(view: FieldView): TemplateResult {
  const { field, entry, error } = view;
  const { ask } = entry.way;
  const id = idOf(field);
  if (ask === 'some-of') {
    const { find, onFind } = view;
    const onChosen = (chosen: readonly string[]) => tell(view, chosen);
    const values = entry.shown as readonly string[];
    const { choices } = entry.way;
    const list = someOf({
      id,
      name: field.name,
      label: field.label,
      choices,
      values,
      find,
      bad: error !== '',
      onChosen,
      onFind,
    });
    return html`<fieldset class="form-field" aria-describedby=${described(view)}>
      <legend class="form-label">${field.label}${optional(field)}</legend>${ways(view)}
      ${list} ${below(view)}
    </fieldset>`;
  }
  if (ask === 'yes-no') {
    return html`<div class="form-field">
      <label class="form-check">${checkbox(view)} ${field.label}</label>
      ${ways(view)} ${below(view)}
    </div>`;
  }
  return html`<div class="form-field ${ask === 'number' ? 'is-number' : ''}">
    <label class="form-label" for=${id}>${field.label}${optional(field)}</label>${ways(view)}
    ${control(view)} ${below(view)}
  </div>`;
}

function tell({ entry, onEntry }: FieldView, shown: Entry['shown']): void {
  onEntry(changed(entry.way, shown, entry.drafts));
}

function control(view: FieldView): TemplateResult {
  switch (view.entry.way.ask) {
    case 'one-of':
      return select(view);
    case 'lines':
      return area(view, 'One a line');
    case 'long-text':
      return area(view);
    case 'long-password':
      return area(view, '', 'is-secret');
    case 'json':
      return area(view, 'JSON', 'mono');
    default:
      return input(view);
  }
}

function checkbox(view: FieldView): TemplateResult {
  return html`<input type="checkbox" id=${idOf(view.field)} name=${view.field.name}
    .checked=${live(view.entry.shown === true)} aria-describedby=${described(view)}
    @change=${(e: Event) => tell(view, (e.target as HTMLInputElement).checked)} />`;
}

function select(view: FieldView): TemplateResult {
  const { field, entry } = view;
  const { way, shown } = entry;
  // Nothing chosen is offered where that means something, not where a default would stand in unseen.
  const open = way.empty !== undefined || (!field.required && field.schema.default === undefined);
  return html`<select class="field" id=${idOf(field)} name=${field.name} aria-invalid=${invalid(view)}
    aria-describedby=${described(view)}
    @change=${(e: Event) => tell(view, (e.target as HTMLSelectElement).value)}>
    ${open ? html`<option value="" ?selected=${shown === ''}>–</option>` : nothing}
    ${way.choices.map(
      (choice) =>
        html`<option value=${choice.value} ?selected=${choice.value === shown}>${choice.label}${
          choice.group ? ` (${choice.group.toLowerCase()})` : ''
        }</option>`,
    )}
  </select>`;
}

function area(view: FieldView, placeholder = '', classes = ''): TemplateResult {
  const { field, entry } = view;
  const text = entry.shown as string;
  const least = entry.way.ask === 'json' ? 2 : 4;
  const rows = Math.min(16, Math.max(least, text.split('\n').length));
  return html`<textarea class="field ${classes}" rows=${rows} id=${idOf(field)} name=${field.name}
    spellcheck="false" autocomplete="off" aria-invalid=${invalid(view)}
    aria-describedby=${described(view)} placeholder=${placeholder || nothing} .value=${live(text)}
    @input=${(e: Event) => tell(view, (e.target as HTMLTextAreaElement).value)}></textarea>`;
}

function input(view: FieldView): TemplateResult {
  const { field, entry } = view;
  const { ask, schema } = entry.way;
  const number = ask === 'number';
  const password = ask === 'password';
  const preset = number && field.schema.default != null ? jsonText(field.schema.default) : '';
  const long = field.ways.find((way) => way.ask === (password ? 'long-password' : 'long-text'));
  const onShown = (shown: string, way = entry.way) => view.onEntry(changed(way, shown));
  return html`<input class="field" id=${idOf(field)} name=${field.name} type=${password ? 'password' : 'text'}
    inputmode=${number ? (schema.type === 'integer' ? 'numeric' : 'decimal') : nothing}
    autocomplete=${password ? 'new-password' : 'off'} spellcheck="false" placeholder=${preset || nothing}
    size=${number ? Math.max(9, String(entry.shown).length) : nothing}
    aria-invalid=${invalid(view)} aria-describedby=${described(view)} .value=${live(entry.shown as string)}
    @input=${(e: Event) => tell(view, (e.target as HTMLInputElement).value)}
    @keydown=${(e: KeyboardEvent) => number && stepBy(e, entry, onShown)}
    @paste=${(e: ClipboardEvent) => long && pasted(e, (text) => onShown(text, long))} />`;
}

/** Which way to ask, where there is a choice or the usual way is not the one. */
function ways(view: FieldView): TemplateResult | typeof nothing {
  const { field, entry } = view;
  const named = new Map<string, Way>();
  for (const way of field.ways) if (!named.has(NAMES[way.ask])) named.set(NAMES[way.ask], way);
  // There is a way back from where one has been.
  if (named.size < (entry.way.ask === 'json' || entry.drafts ? 2 : 3)) return nothing;
  return html`<span class="segments form-ways" role="group" aria-label="Written as">
    ${[...named].map(
      ([
        name,
        way,
      ]) => html`<button type="button" class="segment" aria-pressed=${NAMES[entry.way.ask] === name}
        @click=${() => NAMES[entry.way.ask] !== name && view.onEntry(switched(entry, way))}>${name}</button>`,
    )}
  </span>`;
}

function below(view: FieldView): TemplateResult {
  const { field, error } = view;
  const id = idOf(field);
  const note = noteOf(view);
  return html`${
    error
      ? html`<p class="form-error" id="${id}-error">${glyph('failed')}<span>${error}</span></p>`
      : nothing
  }
  ${note ? html`<p class="form-help" id="${id}-note">${note} ${leaveOut(view)}</p>` : nothing}
  ${field.help ? html`<p class="form-help muted" id="${id}-help">${field.help}</p>` : nothing}`;
}

function noteOf({ field, entry }: FieldView): string {
  if (isOdd(field, entry)) return ODD;
  const secret = entry.way.ask === 'password' && entry.json !== 'null';
  return secret && entry.json !== undefined && entry.json === field.came ? SECRET : '';
}

/** A stored secret that is not needed again must be dropped on purpose: its field is empty anyway. */
function leaveOut({ field, entry, onEntry }: FieldView): TemplateResult | typeof nothing {
  if (entry.way.ask !== 'password' || field.required) return nothing;
  return html`<button type="button" class="tool" @click=${() => onEntry(changed(entry.way, ''))}>Leave it out</button>`;
}

function described(view: FieldView): string | typeof nothing {
  const { field, error } = view;
  const id = idOf(field);
  const parts = [error && 'error', noteOf(view) && 'note', field.help && 'help'].filter(Boolean);
  return parts.length ? parts.map((part) => `${id}-${part}`).join(' ') : nothing;
}

function invalid({ error }: FieldView): 'true' | typeof nothing {
  return error ? 'true' : nothing;
}

function optional(field: Field): TemplateResult | typeof nothing {
  const open = !field.required && field.schema.default === undefined;
  return open ? html` <span class="muted">optional</span>` : nothing;
}

/** The id of a field's control; one without spaces, which would part it in a list of ids. */
export function idOf(field: Field): string {
  return `field-${encodeURIComponent(field.name)}`;
}
