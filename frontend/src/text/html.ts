/**
 * The `html` of all templates: what readers see of a text has its hidden characters written out, so that
 * no name can look like another or turn what follows around. Nothing else imports Lit's own.
 */

import { html as litHtml, type TemplateResult } from 'lit';
import { reveal, revealParts } from './characters';

/** Where a value stands: in the text, in an attribute that people read, or where it must stay exact. */
type Place = 'text' | 'words' | 'exact';

const READ_ATTRIBUTES = new Set(['title', 'aria-label', 'aria-valuetext', 'placeholder']);
const ATTRIBUTE = /([^\s"'<>=]+)=(?:"[^"]*|'[^']*|[^\s"']*)$/;
const placesOf = new WeakMap<TemplateStringsArray, readonly Place[]>();

/** Lit's `html`, with hidden characters written out in text, titles and labels. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): TemplateResult<1> {
  const places = placesOf.get(strings) ?? findPlaces(strings);
  placesOf.set(strings, places);
  return litHtml(strings, ...values.map((value, i) => revealValue(value, places[i] ?? 'exact')));
}

function findPlaces(strings: TemplateStringsArray): Place[] {
  let before = '';
  return strings.slice(0, -1).map((part) => {
    before += part;
    const tag = before.lastIndexOf('<');
    if (tag <= before.lastIndexOf('>')) return 'text';
    const name = ATTRIBUTE.exec(before.slice(tag))?.[1] ?? '';
    return READ_ATTRIBUTES.has(name) ? 'words' : 'exact';
  });
}

function revealValue(value: unknown, place: Place): unknown {
  if (place === 'exact') return value;
  if (Array.isArray(value)) return value.map((one) => revealValue(one, place));
  if (typeof value !== 'string' || reveal(value) === value) return value;
  return place === 'text' ? revealParts(value).map(partView) : reveal(value);
}

function partView({ text, hidden }: { text: string; hidden: boolean }): unknown {
  return hidden ? litHtml`<span class="hidden-character">${text}</span>` : text;
}
