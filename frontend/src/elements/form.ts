/** A form from a kind's JSON Schema: what fields there are, what they hold, what is sent. Pure. */

import { title as titled } from '../text/format';
import type { FieldError, Option, Schema } from './api';

/** How a field is asked for. */
export type Ask = 'number' | 'text' | 'password' | 'yes-no' | 'one-of' | 'some-of' | 'lines';

/** A choice as the form shows it. */
export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly group: string;
}

/** One field of the form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly ask: Ask;
  readonly required: boolean;
  readonly integer: boolean;
  readonly choices: readonly Choice[];
  readonly schema: Schema;
}

/** What the fields hold: numbers as typed, so that nothing typed is lost. */
export type Value = string | boolean | readonly string[];
export type Values = Readonly<Record<string, Value>>;

/** The fields of an object schema, in its own (reading) order. */
export function fieldsOf(root: Schema): Field[] {
  return Object.entries(root.properties ?? {}).map(([name, raw]) => {
    const schema = resolve(raw, root);
    const ask = askFor(schema);
    return {
      name,
      label: labelOf(name, schema),
      help: schema.description ?? '',
      ask,
      required: root.required?.includes(name) ?? false,
      integer: schema.type === 'integer',
      choices: choicesOf(schema),
      schema,
    };
  });
}

/** Follow `$ref`s and drop the null of an optional value; the outer annotations win. */
function resolve(schema: Schema, root: Schema): Schema {
  const ref = schema.$ref?.replace('#/$defs/', '');
  if (ref && root.$defs?.[ref])
    return resolve({ ...root.$defs[ref], ...without(schema, '$ref') }, root);
  const branch = schema.anyOf?.find((one) => one.type !== 'null');
  if (branch) return resolve({ ...branch, ...without(schema, 'anyOf') }, root);
  return schema.items ? { ...schema, items: resolve(schema.items, root) } : schema;
}

function without(schema: Schema, name: keyof Schema): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== name));
}

function askFor(schema: Schema): Ask {
  if (schema.type === 'array') return optionsOf(schema) ? 'some-of' : 'lines';
  if (optionsOf(schema)) return 'one-of';
  if (schema.type === 'boolean') return 'yes-no';
  if (schema.format === 'password') return 'password';
  return schema.type === 'integer' || schema.type === 'number' ? 'number' : 'text';
}

function optionsOf(schema: Schema): readonly Option[] | undefined {
  const own = schema['x-options'] ?? schema.enum?.map(String);
  return own ?? (schema.items ? optionsOf(schema.items) : undefined);
}

function choicesOf(schema: Schema): Choice[] {
  return (optionsOf(schema) ?? []).map((option) =>
    typeof option === 'string'
      ? { value: option, label: option, group: '' }
      : { value: option.value, label: option.label ?? option.value, group: option.group ?? '' },
  );
}

/** The title of the schema, unless pydantic made it of the name (`Max Failures`). */
function labelOf(name: string, schema: Schema): string {
  const plain = titled(name);
  return schema.title && schema.title.toLowerCase() !== plain.toLowerCase() ? schema.title : plain;
}

/** What the fields hold at first: `given` (another job's params) before the defaults. */
export function initial(
  fields: readonly Field[],
  given: Readonly<Record<string, unknown>> = {},
): Values {
  return Object.fromEntries(
    fields.map((field) => [field.name, held(field, given[field.name] ?? field.schema.default)]),
  );
}

function held(field: Field, value: unknown): Value {
  switch (field.ask) {
    case 'yes-no':
      return value === true;
    case 'password': // another job's params only name it
      return '';
    case 'some-of':
      return Array.isArray(value) ? value.map(String) : [];
    case 'lines':
      return Array.isArray(value) ? value.join('\n') : '';
    case 'one-of':
      return value == null
        ? field.required
          ? (field.choices[0]?.value ?? '')
          : ''
        : String(value);
    default:
      return value == null ? '' : String(value);
  }
}

/**
 * The params that the values stand for. What is no number is sent as typed, for the service to
 * refuse with a sentence; an empty field is left out, so that its default holds.
 */
export function collect(fields: readonly Field[], values: Values): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const field of fields) {
    const value = sent(field, values[field.name] ?? '');
    if (value !== undefined) params[field.name] = value;
  }
  return params;
}

function sent(field: Field, value: Value): unknown {
  if (typeof value !== 'string') return value;
  if (field.ask === 'lines') {
    return value
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  }
  const text = field.ask === 'number' ? value.trim() : value;
  if (text === '') return undefined;
  if (field.ask === 'one-of') return field.schema.enum?.find((one) => String(one) === text) ?? text;
  return field.ask === 'number' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The errors by field name; those of no field under `''`. Several of one field are joined. */
export function errorsByField(
  fields: readonly Field[],
  errors: readonly FieldError[],
): Readonly<Record<string, string>> {
  const names = new Set(fields.map((field) => field.name));
  const found: Record<string, string> = {};
  for (const { pointer, detail } of errors) {
    const parts = pointer.split('/').map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
    const name = parts.find((part) => names.has(part)) ?? '';
    found[name] = found[name] && found[name] !== detail ? `${found[name]} ${detail}` : detail;
  }
  return found;
}
