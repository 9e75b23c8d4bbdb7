/** The rows of a field of variables with secrets. */

import { nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { html } from '../text/html';
import type { Choice } from './controls';
import { type FieldView, fieldId } from './form';
import { EMPTY_ROW, type SecretRow } from './secret-rows';

/** The rows; `onRows` receives them after a change. */
export function secretRows(
  { field, entry }: FieldView,
  onRows: (rows: readonly SecretRow[]) => void,
): TemplateResult {
  const rows = entry.value as readonly SecretRow[];
  const change = (at: number, part: Partial<SecretRow>) =>
    onRows(rows.map((row, place) => (place === at ? { ...row, ...part } : row)));
  const remove = (at: number) => onRows(rows.filter((_, place) => place !== at));
  return html`<div class="secret-rows" id=${fieldId(field)} tabindex="-1">
    ${rows.map((row, at) =>
      rowView(
        row,
        at,
        entry.control.choices,
        (part) => change(at, part),
        () => remove(at),
      ),
    )}
    <button type="button" class="tool" @click=${() => onRows([...rows, EMPTY_ROW])}>Add a secret</button>
  </div>`;
}

function rowView(
  row: SecretRow,
  at: number,
  choices: readonly Choice[],
  change: (part: Partial<SecretRow>) => void,
  remove: () => void,
): TemplateResult {
  const said = row.name || `variable ${at + 1}`;
  const known = choices.some((choice) => choice.value === row.credential);
  return html`<div class="secret-row" role="group" aria-label="Secret ${at + 1}">
    <input class="field mono" placeholder="VARIABLE" aria-label="Name of variable ${at + 1}" spellcheck="false"
      autocomplete="off" .value=${live(row.name)}
      @input=${(e: Event) => change({ name: (e.target as HTMLInputElement).value })} />
    <select class="field" aria-label="Where ${said} comes from"
      @change=${(e: Event) => change({ credential: (e.target as HTMLSelectElement).value })}>
      <option value="" ?selected=${!row.credential}>A value for this run</option>
      ${choices.map(
        (choice) =>
          html`<option value=${choice.value} ?selected=${choice.value === row.credential}>${choice.label}</option>`,
      )}
      ${
        row.credential && !known
          ? html`<option value=${row.credential} selected>${row.credential} (not offered)</option>`
          : nothing
      }
    </select>
    <button type="button" class="tool" aria-label="Remove ${said}" @click=${remove}>Remove</button>
    ${
      row.credential
        ? nothing
        : html`<input class="field" type="password" autocomplete="new-password" placeholder="Value"
            aria-label="Value of ${said}" .value=${live(row.text)}
            @input=${(e: Event) => change({ text: (e.target as HTMLInputElement).value })} />`
    }
  </div>`;
}
