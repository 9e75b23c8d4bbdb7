/**
 * Checks a form without the service: missing values, invalid numbers and JSON, values out of range. The
 * service checks everything again.
 */

import { parse } from 'lossless-json';
import { count, plural } from '../text/format';
import { isInteger, isNumber } from './controls';
import type { Entries, Entry, Field } from './form';
import { secretMember } from './schema';
import { rowsProblem, type SecretRow } from './secret-rows';

const INT64 = 2n ** 63n;

/** Return the errors by field name, as far as they can be found here. */
export function validateForm(
  fields: readonly Field[],
  entries: Entries,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const field of fields) {
    const entry = entries.get(field.name);
    const detail = entry ? fieldProblem(field, entry) : '';
    if (detail) found.set(field.name, detail);
  }
  return found;
}

function fieldProblem(field: Field, entry: Entry): string {
  const { control, value, json } = entry;
  if (control.type === 'secrets') {
    return rowsProblem(value as readonly SecretRow[], secretMember(control.schema)?.minLength);
  }
  if (json === undefined) return missingProblem(field, control.type);
  switch (control.type) {
    case 'json':
      return jsonProblem(json);
    case 'number':
      return typeof value === 'string' && value.trim() ? numberProblem(entry, value.trim()) : '';
    case 'some-of':
    case 'lines':
      return listProblem(field, entry);
    case 'text':
    case 'long-text':
    case 'password':
    case 'long-password':
      return typeof value === 'string' && value ? textProblem(entry, value) : '';
    default:
      return '';
  }
}

function missingProblem({ required, schema }: Field, type: Entry['control']['type']): string {
  if (!required || schema.default !== undefined) return '';
  if (type === 'some-of') return 'Choose at least one.';
  return type === 'one-of' || type === 'credential' ? 'Choose one.' : 'Fill this in.';
}

function jsonProblem(json: string): string {
  try {
    parse(json);
    return '';
  } catch (error) {
    if (error instanceof RangeError) return 'This is nested too deep.';
    if (error instanceof SyntaxError)
      return `This is not JSON: ${withLineNumber(error.message, json)}.`;
    throw error;
  }
}

/** Replace the position in a parser's message by line and column. */
function withLineNumber(message: string, json: string): string {
  return message.replace(/position (\d+)/, (_, at) => {
    const before = json.slice(0, Number(at)).split('\n');
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  });
}

function listProblem({ required }: Field, { control, json }: Entry): string {
  const length = json === control.emptyJson ? 0 : (JSON.parse(json ?? '[]') as unknown[]).length;
  const least = json === 'null' ? 0 : (control.schema.minItems ?? 0);
  if (length >= least) return '';
  if (least > 1) return `At least ${count(least)} are needed.`;
  return control.type === 'some-of' || !required ? 'Choose at least one.' : 'Enter at least one.';
}

function numberProblem({ control }: Entry, text: string): string {
  if (!isNumber(text)) return 'Enter a number.';
  const whole = isInteger(text);
  if (control.schema.type === 'integer' && !whole) return 'Enter a whole number.';
  const number = whole ? BigInt(text) : Number(text);
  if (typeof number === 'bigint' ? number >= INT64 || number < -INT64 : !Number.isFinite(number)) {
    return 'This number is too large.';
  }
  const { minimum, maximum } = control.schema;
  if (minimum !== undefined && number < minimum) return `At least ${count(minimum)}.`;
  return maximum !== undefined && number > maximum ? `At most ${count(maximum)}.` : '';
}

function textProblem({ control }: Entry, text: string): string {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = control.schema;
  const length = [...text].length; // in code points, like the service
  if (length < minLength) return `At least ${plural(minLength, 'character')}.`;
  return length > maxLength ? `At most ${plural(maxLength, 'character')}.` : '';
}
