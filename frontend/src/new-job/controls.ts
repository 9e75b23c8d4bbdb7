/**
 * The controls of a form: convert a JSON text to a control's value and back. A control can hold a JSON
 * text if converting it back gives the same value, to the digit. Pure.
 */

import { isSafeNumber, parse, stringify } from 'lossless-json';
import { indentJson } from '../text/json';
import {
  alternatives,
  isNullSchema,
  isSecretSchema,
  type Schema,
  schemaOptions,
  secretMember,
} from './schema';
import { rowsFromJson, rowsToJson, type SecretRow } from './secret-rows';

/** The types of controls. */
export type ControlType =
  | 'number'
  | 'text'
  | 'long-text'
  | 'password'
  | 'long-password'
  | 'credential'
  | 'secrets'
  | 'yes-no'
  | 'one-of'
  | 'some-of'
  | 'lines'
  | 'json';

/** A choice of a control, with its value as JSON text. */
export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly group: string;
  readonly json: string;
}

/** The value of a control: typed text, a check mark, the chosen values, or rows of secrets. */
export type ControlValue = string | boolean | readonly string[] | readonly SecretRow[];

/** A control that can edit a field. */
export interface Control {
  readonly type: ControlType;
  readonly schema: Schema;
  readonly choices: readonly Choice[];
  /** The JSON text of the empty control; undefined leaves the field out. */
  readonly emptyJson: string | undefined;
  /** Whether the value may also be a string, which keeps digits that a number would lose. */
  readonly allowsString: boolean;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Up to this length, JSON text is shown unchanged on one line. */
const MAX_LINE_LENGTH = 60;

/** Whether a text is an integer. */
export function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** Whether a text is a number in JSON. */
export function isNumber(text: string): boolean {
  return NUMBER.test(text);
}

/** Return the controls for a value of `schema`, best first; the last is JSON text, which can hold all. */
export function controlsFor(schema: Schema, root: Schema, required: boolean): Control[] {
  const branches = alternatives(schema, root);
  const nullable = branches.some(isNullSchema);
  const open = branches.filter((branch) => !isNullSchema(branch));
  const allowsString = open.some((branch) => branch.type === 'string');
  const found = new Map<ControlType, Control>();
  for (const branch of open) {
    for (const type of controlTypesFor(branch, required && !nullable)) {
      const choices = choicesFor(type, branch);
      const empty = emptyJson(type, branch, nullable);
      const control = { type, schema: branch, choices, emptyJson: empty, allowsString };
      const other = found.get(type);
      found.set(type, other ? mergeControls(other, control) : control);
    }
  }
  const json = { type: 'json', schema, choices: [], emptyJson: undefined, allowsString } as const;
  return [...found.values(), json];
}

function choicesFor(type: ControlType, schema: Schema): Choice[] {
  switch (type) {
    case 'one-of':
      return choicesOf(schema, schemaOptions(schema));
    case 'some-of':
      return choicesOf(schema, listOptions(schema));
    case 'credential':
      return credentialChoices(schema);
    case 'secrets':
      return credentialChoices(secretMember(schema) ?? {});
    default:
      return [];
  }
}

function credentialChoices(schema: Schema): Choice[] {
  const names = (schema['x-options'] ?? []).filter((one) => typeof one === 'string');
  return names.map((name) => createChoice(JSON.stringify({ credential: name }), name, name));
}

function controlTypesFor(schema: Schema, definite: boolean): readonly ControlType[] {
  const { type, items = {} } = schema;
  if (isSecretSchema(schema)) {
    const offered = schema['x-options']?.length ? (['credential'] as const) : [];
    return ['password', 'long-password', ...offered];
  }
  if (secretMember(schema)) return ['secrets'];
  if (type === 'array' && listOptions(schema)) return ['some-of'];
  if (schemaOptions(schema)) return ['one-of'];
  if (type === 'array') {
    return items.type === 'string' && items.format !== 'password' ? ['lines'] : [];
  }
  if (type === 'boolean') {
    return [typeof schema.default === 'boolean' || definite ? 'yes-no' : 'one-of'];
  }
  if (type === 'integer' || type === 'number') return ['number'];
  return type === 'string' ? ['text', 'long-text'] : [];
}

type Options = ReturnType<typeof schemaOptions>;

/** The options of a list's items; a kind may also give them for the list itself. */
function listOptions(schema: Schema): Options {
  return schema['x-options'] ?? schemaOptions(schema.items ?? {});
}

function choicesOf(schema: Schema, options: Options): Choice[] {
  if (schema.type === 'boolean' && !options) {
    return [createChoice('true', 'true', 'Yes'), createChoice('false', 'false', 'No')];
  }
  const plain = (options ?? []).every((one) => !isJsonOption(one) || typeof one.json === 'string');
  return (options ?? []).flatMap((one) => {
    if (typeof one === 'string') return [createChoice(JSON.stringify(one), one, one)];
    if (!isJsonOption(one)) {
      return [
        createChoice(JSON.stringify(one.value), one.value, one.label ?? one.value, one.group),
      ];
    }
    const json = stringify(one.json) ?? 'null';
    const text = plain ? String(one.json) : json;
    return one.json === null ? [] : [createChoice(json, text, text)];
  });
}

function isJsonOption(option: NonNullable<Options>[number]): option is { readonly json: unknown } {
  return typeof option === 'object' && 'json' in option;
}

function createChoice(json: string, value: string, label: string, group = ''): Choice {
  // The empty value means that nothing is chosen.
  return { json, value: value || json, label: label || json, group };
}

/** The JSON text of an empty control: what the reader sees, never a hidden default. */
function emptyJson(type: ControlType, schema: Schema, nullable: boolean): string | undefined {
  const { default: preset } = schema;
  if (preset === null) return 'null';
  if (type === 'some-of' || type === 'lines')
    return nullable && preset === undefined ? 'null' : '[]';
  if (nullable) return preset === '' ? '""' : 'null';
  return (type === 'text' || type === 'long-text') && typeof preset === 'string' ? '""' : undefined;
}

/** Merge two controls of the same type; limits that differ are left to the service. */
function mergeControls(one: Control, other: Control): Control {
  const { title, description, default: preset, type } = one.schema;
  const types = type === other.schema.type ? type : 'number';
  const loose = { title, description, default: preset, type: types, items: one.schema.items };
  const known = new Set(one.choices.map(({ json }) => json));
  const more = other.choices.filter(({ json }) => !known.has(json));
  const schema = Object.fromEntries(
    Object.entries(loose).filter(([, value]) => value !== undefined),
  );
  return { ...one, schema, choices: [...one.choices, ...more] };
}

/** Add a choice for each string in `json` that an open list no longer offers. */
export function withStoredChoices(control: Control, json: string | undefined): Control {
  const open = (control.schema.items ?? control.schema)['x-options'] ?? control.schema['x-options'];
  if (!control.choices.length || !open || json === undefined) return control;
  const value: unknown = JSON.parse(json);
  const known = new Set(control.choices.map((one) => one.value));
  const extra = [...new Set(Array.isArray(value) ? value : [value])]
    .filter((one) => typeof one === 'string' && !known.has(one))
    .map((one) => createChoice(JSON.stringify(one), one, one, 'No longer offered'));
  return { ...control, choices: [...control.choices, ...extra] };
}

/** Convert a JSON text to the control's value, as the DOM would normalize it. */
export function toControlValue({ type, choices }: Control, json: string | undefined): ControlValue {
  const value: unknown = json === undefined ? undefined : parse(json);
  const text = typeof value === 'string' ? value : '';
  switch (type) {
    case 'yes-no':
      return value === true;
    case 'password': // stored secrets are not sent to the browser
    case 'long-password':
      return '';
    case 'text':
      return text.replace(/[\r\n]/g, '');
    case 'long-text':
      return text.replace(/\r\n?/g, '\n');
    case 'number':
      return isNumber(json?.trim() ?? '') ? (json ?? '').trim() : '';
    case 'one-of':
    case 'credential':
      return choiceValue(choices, stringify(value));
    case 'secrets':
      return rowsFromJson(value);
    case 'some-of': // each box once, even if the list repeats it
      return [...new Set(itemTexts(value).map((item) => choiceValue(choices, item)))];
    case 'lines':
      return Array.isArray(value) ? value.map(String).join('\n').replace(/\r\n?/g, '\n') : '';
    case 'json':
      return json === undefined ? '' : formatJson(json);
  }
}

/** Convert a control's value to JSON text; undefined leaves the field out. */
export function toJson(control: Control, shown: ControlValue): string | undefined {
  if (typeof shown === 'boolean') return String(shown);
  if (control.type === 'secrets') return rowsToJson(shown as readonly SecretRow[]);
  if (typeof shown !== 'string') {
    const items = (shown as readonly string[]).map((one) => choiceJson(control, one));
    return listJson(control, items);
  }
  const text = control.type === 'number' || control.type === 'json' ? shown.trim() : shown;
  if (text === '') return control.emptyJson;
  switch (control.type) {
    case 'json':
      return text;
    case 'number':
      return isNumber(text) && (!control.allowsString || isExactNumber(text))
        ? text
        : JSON.stringify(text);
    case 'one-of':
    case 'credential':
      return choiceJson(control, text);
    case 'lines':
      return listJson(control, text.match(/[^\n]+/g)?.map((line) => JSON.stringify(line)) ?? []);
    default:
      return JSON.stringify(text);
  }
}

/** Whether the control reproduces this JSON text exactly. */
export function canHold(control: Control, json: string): boolean {
  const taken = toJson(control, toControlValue(control, json));
  return taken !== undefined && normalizeJson(taken) === normalizeJson(json);
}

function listJson({ emptyJson }: Control, items: readonly string[]): string | undefined {
  return items.length ? `[${items.join(',')}]` : emptyJson;
}

function choiceJson({ choices }: Control, value: string): string {
  return indexChoices(choices).byValue.get(value)?.json ?? JSON.stringify(value);
}

function choiceValue(choices: readonly Choice[], json: string | undefined): string {
  return (json === undefined ? undefined : indexChoices(choices).byJson.get(json)?.value) ?? '';
}

/** Caches the index of a list of choices: there may be thousands of lookups. */
const indices = new WeakMap<
  readonly Choice[],
  Record<'byValue' | 'byJson', ReadonlyMap<string, Choice>>
>();

/** Index the choices by value and by JSON text; the first one wins. */
function indexChoices(choices: readonly Choice[]) {
  const known = indices.get(choices);
  if (known) return known;
  const backwards = [...choices].reverse();
  const found = {
    byValue: new Map(backwards.map((one) => [one.value, one])),
    byJson: new Map(backwards.map((one) => [one.json, one])),
  };
  indices.set(choices, found);
  return found;
}

function itemTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => stringify(item) ?? 'null') : [];
}

function isExactNumber(text: string): boolean {
  return isInteger(text) || isSafeNumber(text);
}

/** Return a JSON text without spaces and needless escapes; its digits do not change. */
export function normalizeJson(json: string): string {
  return stringify(parse(json)) ?? 'null';
}

function formatJson(json: string): string {
  const line = json.trim();
  return line.length <= MAX_LINE_LENGTH && !line.includes('\n') ? line : indentJson(line);
}
