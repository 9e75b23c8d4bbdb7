/** One field of a generated form: label, control, help, error. */

import { nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { jsonText } from '../client';
import { glyph } from '../elements/light-element';
import { html } from '../text/html';
import { choiceList } from './choice-list';
import { type Control, type ControlType, isInteger } from './controls';
import {
  changeEntry,
  type Entry,
  type Field,
  type FieldView,
  fieldId,
  hasUnsupportedValue,
  switchControl,
} from './form';
import { secretRows } from './secret-rows-view';

/** The labels to choose between several controls. */
const CONTROL_NAMES: Readonly<Record<ControlType, string>> = {
  number: 'Number',
  text: 'Text',
  'long-text': 'Text',
  password: 'Secret',
  'long-password': 'Secret',
  credential: 'Credential',
  secrets: 'Rows',
  'yes-no': 'Yes or no',
  'one-of': 'Choice',
  'some-of': 'List',
  lines: 'List',
  json: 'JSON',
};

const UNSUPPORTED_NOTE =
  'The usual field cannot hold this value. If you do not change it, it is sent unchanged.';
const SECRET_NOTE = 'The earlier job had a secret here, which cannot be shown: type it again.';

/** The template of a field. */
export function fieldView(view: FieldView): TemplateResult {
  const { field, entry } = view;
  const { type } = entry.control;
  const id = fieldId(field);
  if (type === 'some-of' || type === 'secrets') {
    const set = (value: Entry['value']) => setValue(view, value);
    return html`<fieldset class="form-field" aria-describedby=${describedBy(view)}>
      <legend class="form-label">${field.label}${optionalMark(field)}</legend>${controlSwitch(view)}
      ${type === 'secrets' ? secretRows(view, set) : choiceList(view, set)} ${notesView(view)}
    </fieldset>`;
  }
  if (type === 'yes-no') {
    return html`<div class="form-field">
      <label class="form-check">${checkboxView(view)} ${field.label}</label>
      ${controlSwitch(view)} ${notesView(view)}
    </div>`;
  }
  return html`<div class="form-field ${type === 'number' ? 'is-number' : ''}">
    <label class="form-label" for=${id}>${field.label}${optionalMark(field)}</label>${controlSwitch(view)}
    ${controlView(view)} ${notesView(view)}
  </div>`;
}

function setValue({ entry, onEntry }: FieldView, shown: Entry['value']): void {
  onEntry(changeEntry(entry.control, shown, entry.drafts));
}

function controlView(view: FieldView): TemplateResult {
  switch (view.entry.control.type) {
    case 'one-of':
    case 'credential':
      return selectView(view);
    case 'lines':
      return textAreaView(view, 'One per line');
    case 'long-text':
      return textAreaView(view);
    case 'long-password':
      return textAreaView(view, '', 'is-secret');
    case 'json':
      return textAreaView(view, 'JSON', 'mono');
    default:
      return inputView(view);
  }
}

function checkboxView(view: FieldView): TemplateResult {
  return html`<input type="checkbox" id=${fieldId(view.field)} name=${view.field.name}
    .checked=${live(view.entry.value === true)} aria-describedby=${describedBy(view)}
    @change=${(e: Event) => setValue(view, (e.target as HTMLInputElement).checked)} />`;
}

function selectView(view: FieldView): TemplateResult {
  const { field, entry } = view;
  const { control, value } = entry;
  // Offer an empty choice only if it has a meaning, not if a hidden default would be used instead.
  const open =
    control.emptyJson !== undefined || (!field.required && field.schema.default === undefined);
  return html`<select class="field" id=${fieldId(field)} name=${field.name} aria-invalid=${ariaInvalid(view)}
    aria-describedby=${describedBy(view)}
    @change=${(e: Event) => setValue(view, (e.target as HTMLSelectElement).value)}>
    ${open ? html`<option value="" ?selected=${value === ''}>–</option>` : nothing}
    ${control.choices.map(
      (choice) =>
        html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.label}${
          choice.group ? ` (${choice.group.toLowerCase()})` : ''
        }</option>`,
    )}
  </select>`;
}

function textAreaView(view: FieldView, placeholder = '', classes = ''): TemplateResult {
  const { field, entry } = view;
  const text = entry.value as string;
  const least = entry.control.type === 'json' ? 2 : 4;
  const rows = Math.min(16, Math.max(least, text.split('\n').length));
  return html`<textarea class="field ${classes}" rows=${rows} id=${fieldId(field)} name=${field.name}
    spellcheck="false" autocomplete="off" aria-invalid=${ariaInvalid(view)}
    aria-describedby=${describedBy(view)} placeholder=${placeholder || nothing} .value=${live(text)}
    @input=${(e: Event) => setValue(view, (e.target as HTMLTextAreaElement).value)}></textarea>`;
}

function inputView(view: FieldView): TemplateResult {
  const { field, entry } = view;
  const { type, schema } = entry.control;
  const number = type === 'number';
  const password = type === 'password';
  const preset = number && field.schema.default != null ? jsonText(field.schema.default) : '';
  const long = field.controls.find(
    (control) => control.type === (password ? 'long-password' : 'long-text'),
  );
  const onShown = (shown: string, control = entry.control) =>
    view.onEntry(changeEntry(control, shown));
  return html`<input class="field" id=${fieldId(field)} name=${field.name} type=${password ? 'password' : 'text'}
    inputmode=${number ? (schema.type === 'integer' ? 'numeric' : 'decimal') : nothing}
    autocomplete=${password ? 'new-password' : 'off'} spellcheck="false" placeholder=${preset || nothing}
    size=${number ? Math.max(9, String(entry.value).length) : nothing}
    aria-invalid=${ariaInvalid(view)} aria-describedby=${describedBy(view)} .value=${live(entry.value as string)}
    @input=${(e: Event) => setValue(view, (e.target as HTMLInputElement).value)}
    @keydown=${(e: KeyboardEvent) => number && stepNumber(e, entry, onShown)}
    @paste=${(e: ClipboardEvent) => long && pasteLines(e, (text) => onShown(text, long))} />`;
}

/** The buttons to switch controls, if there are several, or if the current one is not the usual one. */
function controlSwitch(view: FieldView): TemplateResult | typeof nothing {
  const { field, entry } = view;
  const named = new Map<string, Control>();
  for (const control of field.controls)
    if (!named.has(CONTROL_NAMES[control.type])) named.set(CONTROL_NAMES[control.type], control);
  // An entry with drafts can always be switched back.
  if (named.size < (entry.control.type === 'json' || entry.drafts ? 2 : 3)) return nothing;
  return html`<span class="segments form-ways" role="group" aria-label="Written as">
    ${[...named].map(
      ([
        name,
        control,
      ]) => html`<button type="button" class="segment" aria-pressed=${CONTROL_NAMES[entry.control.type] === name}
        @click=${() => CONTROL_NAMES[entry.control.type] !== name && view.onEntry(switchControl(entry, control))}>${name}</button>`,
    )}
  </span>`;
}

function notesView(view: FieldView): TemplateResult {
  const { field, error } = view;
  const id = fieldId(field);
  const note = noteText(view);
  return html`${
    error
      ? html`<p class="form-error" id="${id}-error">${glyph('failed')}<span>${error}</span></p>`
      : nothing
  }
  ${note ? html`<p class="form-help" id="${id}-note">${note} ${leaveOutButton(view)}</p>` : nothing}
  ${field.help ? html`<p class="form-help muted" id="${id}-help">${field.help}</p>` : nothing}`;
}

function noteText({ field, entry }: FieldView): string {
  if (hasUnsupportedValue(field, entry)) return UNSUPPORTED_NOTE;
  const secret = entry.control.type === 'password' && entry.json !== 'null';
  return secret && entry.json !== undefined && entry.json === field.initialJson ? SECRET_NOTE : '';
}

/** A stored secret is left out by this button, because its field is empty in any case. */
function leaveOutButton({ field, entry, onEntry }: FieldView): TemplateResult | typeof nothing {
  if (entry.control.type !== 'password' || field.required) return nothing;
  return html`<button type="button" class="tool" @click=${() => onEntry(changeEntry(entry.control, ''))}>Leave it out</button>`;
}

function describedBy(view: FieldView): string | typeof nothing {
  const { field, error } = view;
  const id = fieldId(field);
  const parts = [error && 'error', noteText(view) && 'note', field.help && 'help'].filter(Boolean);
  return parts.length ? parts.map((part) => `${id}-${part}`).join(' ') : nothing;
}

function ariaInvalid({ error }: FieldView): 'true' | typeof nothing {
  return error ? 'true' : nothing;
}

function optionalMark(field: Field): TemplateResult | typeof nothing {
  const open = !field.required && field.schema.default === undefined;
  return open ? html` <span class="muted">optional</span>` : nothing;
}

/** Change a number by one on arrow up and down, within its bounds, like a number field. */
function stepNumber(event: KeyboardEvent, entry: Entry, onShown: (text: string) => void): void {
  const up = { ArrowUp: true, ArrowDown: false }[event.key];
  const text = String(entry.value).trim() || '0';
  if (up === undefined || !Number.isFinite(Number(text))) return;
  event.preventDefault();
  const { minimum, maximum } = entry.control.schema;
  const next = isInteger(text) ? BigInt(text) + (up ? 1n : -1n) : Number(text) + (up ? 1 : -1);
  if (up && maximum !== undefined && next > maximum) return;
  if (!up && minimum !== undefined && next < minimum) return;
  onShown(String(next));
}

/** Report pasted text of several lines, which a one-line field would join. */
function pasteLines(event: ClipboardEvent, onText: (text: string) => void): void {
  const lines = event.clipboardData?.getData('text/plain').replace(/\r\n?/g, '\n') ?? '';
  if (!lines.replace(/\n$/, '').includes('\n')) return;
  event.preventDefault();
  const { value, selectionStart, selectionEnd } = event.target as HTMLInputElement;
  const from = selectionStart ?? value.length;
  onText(value.slice(0, from) + lines + value.slice(selectionEnd ?? from));
}
