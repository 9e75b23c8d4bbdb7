/** A list of checkboxes in groups, with a search field if there are many; all boxes are one Tab stop. */

import { nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import { keepOneStop, moveAmong } from '../elements/one-stop';
import { count } from '../text/format';
import { html } from '../text/html';
import type { Choice } from './controls';
import { type FieldView, fieldId } from './form';

/** More boxes would make the page slow: only the first ones and the chosen ones are drawn. */
const MAX_DRAWN = 300;

/** The list; `onChosen` receives the checked values. */
export function choiceList(
  { field, entry, error, search, onSearch }: FieldView,
  onChosen: (values: readonly string[]) => void,
): TemplateResult {
  const { choices } = entry.control;
  const values = entry.value as readonly string[];
  const shown = choices.filter((choice) => choice.label.includes(search.trim()));
  const found = new Set(shown.map((choice) => choice.value));
  const chosen = new Set(values);
  const drawn = limitChoices(shown, chosen);
  const left = shown.length - drawn.length;
  const all = () => onChosen(addChoices(choices, values, found));
  const toggle = (value: string) =>
    onChosen(
      chosen.has(value)
        ? values.filter((one) => one !== value)
        : addChoices(choices, values, new Set([value])),
    );
  const none = () => onChosen(values.filter((value) => !found.has(value)));
  return html`<div class="choices ${error ? 'is-bad' : ''}" id=${fieldId(field)} tabindex="-1">
    <div class="choices-head">
      <span class="muted">${count(values.length)} of ${count(choices.length)} chosen</span>
      <span class="bar-gap"></span>
      ${
        choices.length > 24
          ? html`<input class="field" type="search" placeholder="Find" aria-label="Find in ${field.label}"
              .value=${live(search)} @input=${(e: Event) => onSearch((e.target as HTMLInputElement).value)} />`
          : nothing
      }
      <button type="button" class="tool" @click=${all}>All${search ? ' found' : ''}</button>
      <button type="button" class="tool" @click=${none}>None${search ? ' found' : ''}</button>
    </div>
    <div class="choices-list" role="group" aria-label=${field.label} @focusin=${handleFocus} @keydown=${handleKey}
      ${ref((list) => queueMicrotask(() => list && keepOneStop(boxesIn(list))))}>${groupChoices(drawn).map((group) => choiceGroup(group, chosen, field.name, toggle))}
      ${left ? html`<p class="choices-group muted">${count(left)} more: search by name.</p>` : nothing}
    </div>
  </div>`;
}

function boxesIn(list: Element): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>('input')];
}

function handleFocus({ currentTarget }: FocusEvent): void {
  keepOneStop(boxesIn(currentTarget as Element));
}

function handleKey(event: KeyboardEvent): void {
  moveAmong(boxesIn(event.currentTarget as Element), event);
}

/** Limit the choices to draw: the first ones, and the chosen ones among the rest. */
function limitChoices(choices: readonly Choice[], chosen: ReadonlySet<string>): readonly Choice[] {
  if (choices.length <= MAX_DRAWN) return choices;
  const later = choices.slice(MAX_DRAWN).filter((choice) => chosen.has(choice.value));
  return [...choices.slice(0, MAX_DRAWN), ...later.slice(0, MAX_DRAWN)];
}

function choiceGroup(
  [name, choices]: readonly [string, readonly Choice[]],
  chosen: ReadonlySet<string>,
  fieldName: string,
  toggle: (value: string) => void,
): TemplateResult {
  return html`${name ? html`<div class="choices-group muted">${name}</div>` : nothing}
    ${choices.map(
      (choice) => html`<label class="choice" title=${choice.label}>
        <input type="checkbox" name=${fieldName} value=${choice.value} .checked=${live(chosen.has(choice.value))}
          @change=${() => toggle(choice.value)} />
        <span class="clip">${choice.label}</span>
      </label>`,
    )}`;
}

function groupChoices(choices: readonly Choice[]): [string, Choice[]][] {
  const found = new Map<string, Choice[]>();
  for (const choice of choices) {
    const group = found.get(choice.group);
    if (group) group.push(choice);
    else found.set(choice.group, [choice]);
  }
  return [...found];
}

/**
 * Add `more` to the chosen values, in the order of the choices. If the chosen values have another order,
 * keep it and append the new ones.
 */
export function addChoices(
  choices: readonly Choice[],
  values: readonly string[],
  more: ReadonlySet<string>,
): string[] {
  const order = choices.map((choice) => choice.value);
  const chosen = new Set(values);
  const usual = order.filter((value) => chosen.has(value));
  const isUsual = usual.every((value, at) => value === values[at]);
  if (isUsual) return order.filter((value) => chosen.has(value) || more.has(value));
  return [...values, ...order.filter((value) => more.has(value) && !chosen.has(value))];
}
