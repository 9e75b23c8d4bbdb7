/** One field of a generated form: label, control, help, error. */

import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { count } from '../text/format';
import type { Choice, Field, Value } from './form';
import { glyph } from './plain';

/** What a field shows and whom it tells. */
export interface FieldView {
  readonly field: Field;
  readonly value: Value;
  readonly error: string;
  /** What the reader typed to find a choice. */
  readonly find: string;
  readonly onValue: (value: Value) => void;
  readonly onFind: (text: string) => void;
}

/** Draw the field. */
export function fieldView(view: FieldView): TemplateResult {
  const { field, error } = view;
  if (field.ask === 'some-of') return someOf(view);
  if (field.ask === 'yes-no') return yesNo(view);
  return html`<div class="form-field ${field.ask === 'number' ? 'is-number' : ''}">
    <label class="form-label" for=${id(field)}>${field.label}${optional(field)}</label>
    ${control(view)} ${below(field, error)}
  </div>`;
}

function control(view: FieldView): TemplateResult {
  const { field, value, error } = view;
  const told = (e: Event) =>
    view.onValue((e.target as HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement).value);
  const invalid = error ? 'true' : nothing;
  if (field.ask === 'one-of') {
    return html`<select class="field" id=${id(field)} name=${field.name} aria-invalid=${invalid}
      aria-describedby=${described(field, error)} @change=${told}>
      ${field.required ? nothing : html`<option value="">–</option>`}
      ${field.choices.map(
        (choice) =>
          html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.label}</option>`,
      )}
    </select>`;
  }
  if (field.ask === 'lines') {
    return html`<textarea class="field" rows="4" id=${id(field)} name=${field.name} aria-invalid=${invalid}
      aria-describedby=${described(field, error)} placeholder="One a line" .value=${live(value as string)}
      @input=${told}></textarea>`;
  }
  const number = field.ask === 'number';
  const password = field.ask === 'password';
  return html`<input class="field" id=${id(field)} name=${field.name} type=${password ? 'password' : 'text'}
    inputmode=${number ? (field.integer ? 'numeric' : 'decimal') : nothing}
    autocomplete=${password ? 'new-password' : 'off'} spellcheck="false"
    aria-invalid=${invalid} aria-describedby=${described(field, error)} .value=${live(value as string)}
    @input=${told} @keydown=${(e: KeyboardEvent) => number && stepBy(e, view)} />`;
}

/** Arrow up and down change a number by one, within its bounds, as a number field would. */
function stepBy(event: KeyboardEvent, view: FieldView): void {
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  const now = Number(view.value);
  if (by === undefined || !Number.isFinite(now)) return;
  event.preventDefault();
  const { minimum = -Infinity, maximum = Infinity } = view.field.schema;
  view.onValue(String(Math.min(maximum, Math.max(minimum, now + by))));
}

function yesNo({ field, value, error, onValue }: FieldView): TemplateResult {
  return html`<div class="form-field">
    <label class="form-check">
      <input type="checkbox" name=${field.name} .checked=${live(value === true)}
        aria-describedby=${described(field, error)}
        @change=${(e: Event) => onValue((e.target as HTMLInputElement).checked)} />
      ${field.label}
    </label>
    ${below(field, error)}
  </div>`;
}

function someOf(view: FieldView): TemplateResult {
  const { field, error, find, onValue } = view;
  const chosen = view.value as readonly string[];
  const shown = field.choices.filter((choice) => choice.label.includes(find.trim()));
  const shownValues = new Set(shown.map((choice) => choice.value));
  const all = () => onValue(inOrder(field, new Set([...chosen, ...shownValues])));
  const none = () => onValue(chosen.filter((value) => !shownValues.has(value)));
  return html`<fieldset class="form-field" aria-describedby=${described(field, error)}>
    <legend class="form-label">${field.label}</legend>
    <div class="choices ${error ? 'is-bad' : ''}" id=${id(field)} tabindex="-1">
      <div class="choices-head">
        <span class="muted">${count(chosen.length)} of ${count(field.choices.length)} chosen</span>
        <span class="bar-gap"></span>
        ${
          field.choices.length > 24
            ? html`<input class="field" type="search" placeholder="Find" aria-label="Find in ${field.label}"
                .value=${live(find)} @input=${(e: Event) => view.onFind((e.target as HTMLInputElement).value)} />`
            : nothing
        }
        <button type="button" class="tool" @click=${all}>All${find ? ' found' : ''}</button>
        <button type="button" class="tool" @click=${none}>None${find ? ' found' : ''}</button>
      </div>
      <div class="choices-list">${groups(shown).map((group) => choiceGroup(group, chosen, view))}</div>
    </div>
    ${below(field, error)}
  </fieldset>`;
}

function choiceGroup(
  [name, choices]: readonly [string, readonly Choice[]],
  chosen: readonly string[],
  { field, onValue }: FieldView,
): TemplateResult {
  const set = new Set(chosen);
  const toggle = (value: string) => {
    const next = new Set(set);
    if (!next.delete(value)) next.add(value);
    onValue(inOrder(field, next));
  };
  return html`${name ? html`<div class="choices-group muted">${name}</div>` : nothing}
    ${choices.map(
      (choice) => html`<label class="choice" title=${choice.label}>
        <input type="checkbox" name=${field.name} value=${choice.value} .checked=${live(set.has(choice.value))}
          @change=${() => toggle(choice.value)} />
        <span class="clip">${choice.label}</span>
      </label>`,
    )}`;
}

function groups(choices: readonly Choice[]): [string, Choice[]][] {
  const found = new Map<string, Choice[]>();
  for (const choice of choices) {
    const group = found.get(choice.group);
    if (group) group.push(choice);
    else found.set(choice.group, [choice]);
  }
  return [...found];
}

/** The chosen values in the order of the choices; what is no choice (any more) last. */
function inOrder(field: Field, chosen: ReadonlySet<string>): string[] {
  const known = field.choices.map((choice) => choice.value).filter((value) => chosen.has(value));
  const rest = [...chosen].filter(
    (value) => !field.choices.some((choice) => choice.value === value),
  );
  return [...known, ...rest];
}

function below(field: Field, error: string): TemplateResult {
  return html`${
    error
      ? html`<p class="form-error" id="${id(field)}-error">${glyph('failed')}<span>${error}</span></p>`
      : nothing
  }
  ${field.help ? html`<p class="form-help muted" id="${id(field)}-help">${field.help}</p>` : nothing}`;
}

function described(field: Field, error: string): string | typeof nothing {
  const ids = [error && `${id(field)}-error`, field.help && `${id(field)}-help`].filter(Boolean);
  return ids.length ? ids.join(' ') : nothing;
}

function optional(field: Field): TemplateResult | typeof nothing {
  const open = !field.required && field.schema.default === undefined;
  return open ? html` <span class="muted">optional</span>` : nothing;
}

/** The id of a field's control. */
export function id(field: Field): string {
  return `field-${field.name}`;
}
