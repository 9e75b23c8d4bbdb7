/**
 * What can be said about a form without asking the service: what is missing, what is no number, what
 * is out of bounds. The service has the last word on all of it.
 */

import { count, plural } from '../text/format';
import type { Field, Value, Values } from './form';

/** The errors by field name; none where the values fit the schema as far as one can tell. */
export function check(fields: readonly Field[], values: Values): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const field of fields) {
    const detail = wrong(field, values[field.name] ?? '');
    if (detail) found[field.name] = detail;
  }
  return found;
}

function wrong(field: Field, value: Value): string {
  if (typeof value === 'boolean') return '';
  if (typeof value !== 'string') return wrongList(field, value);
  const text = value.trim();
  if (text === '') return missing(field);
  if (field.ask === 'lines') return wrongList(field, text.split('\n').filter(Boolean));
  return field.ask === 'number' ? wrongNumber(field, text) : wrongText(field, value);
}

function missing({ required, ask, schema }: Field): string {
  if (!required || schema.default !== undefined) return '';
  return ask === 'one-of' ? 'Choose one.' : 'Fill this in.';
}

function wrongList({ required, schema, choices }: Field, list: readonly string[]): string {
  const least = schema.minItems ?? 0;
  if (list.length >= least) return '';
  if (least > 1) return `At least ${count(least)} are needed.`;
  return choices.length || !required ? 'Choose at least one.' : 'Write at least one.';
}

function wrongNumber({ integer, schema }: Field, text: string): string {
  const number = Number(text);
  if (!Number.isFinite(number)) return 'Write a number.';
  if (integer && !Number.isInteger(number)) return 'Write a whole number.';
  const { minimum, maximum } = schema;
  if (minimum !== undefined && number < minimum) return `At least ${count(minimum)}.`;
  return maximum !== undefined && number > maximum ? `At most ${count(maximum)}.` : '';
}

function wrongText({ schema }: Field, text: string): string {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (text.length < minLength) return `At least ${plural(minLength, 'character')}.`;
  return text.length > maxLength ? `At most ${plural(maxLength, 'character')}.` : '';
}
