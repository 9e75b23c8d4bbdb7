/** Facts of a job as a definition list: a name and its value, which is folded if it is long. */

import type { TemplateResult } from 'lit';
import { jsonText } from '../client';
import { count } from '../text/format';
import { html } from '../text/html';

/** Longer values are folded. */
const MAX_CHARACTERS = 240;
const MAX_LINES = 4;
const HALF = /[\ud800-\udbff]$/;

/** A fact as `dt` and `dd`. */
export function factView(name: string, text: string, style = ''): TemplateResult {
  return html`<dt class=${style}>${name}</dt><dd class=${style}>${foldedText(text)}</dd>`;
}

/** A parameter as text: a text as it is, a list of texts with commas, anything else as JSON. */
export function paramText(value: unknown): string {
  if (typeof value === 'string') return value;
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
  return isList ? value.join(', ') : jsonText(value);
}

function foldedText(text: string): TemplateResult {
  const lines = text.split('\n');
  const start = lines.slice(0, MAX_LINES).join('\n').slice(0, MAX_CHARACTERS);
  const shown = start.replace(HALF, '');
  if (start.length === text.length) return html`<span class="gate-value">${text}</span>`;
  return html`<details class="gate-long"><summary><span class="gate-value gate-start">${shown}…</span>
    <span class="gate-more">Show all ${count(text.length)} characters</span><span class="gate-less">Show
    less</span></summary><span class="gate-value">${text}</span></details>`;
}
