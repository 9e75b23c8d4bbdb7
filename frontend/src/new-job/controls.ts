/**
 * The controls of a form: what each shows of a JSON text, and the JSON text that it stands for. A
 * control holds a value if reading it back gives that value, to the digit. Pure.
 */

import { isSafeNumber, parse, stringify } from 'lossless-json';
import { indentJson } from '../text/json';
import { alternatives, isNullSchema, type Schema, schemaOptions } from './schema';

/** How a value is asked for. */
export type ControlType =
  | 'number'
  | 'text'
  | 'long-text'
  | 'password'
  | 'long-password'
  | 'yes-no'
  | 'one-of'
  | 'some-of'
  | 'lines'
  | 'json';

/** A choice as the form shows it, and the JSON text that it stands for. */
export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly group: string;
  readonly json: string;
}

/** What a control has in it: text as typed, a check mark, the values of choices. */
export type ControlValue = string | boolean | readonly string[];

/** One way to ask for a field's value. */
export interface Control {
  readonly type: ControlType;
  readonly schema: Schema;
  readonly choices: readonly Choice[];
  /** What the control stands for when it is emptied; undefined: the field is left out. */
  readonly emptyJson: string | undefined;
  /** Whether the value may also be a string, where digits that a number would lose are kept. */
  readonly allowsString: boolean;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** JSON text as long as this is shown on one line, as it came. */
const MAX_LINE_LENGTH = 60;
const LISTS: ReadonlySet<ControlType> = new Set(['some-of', 'lines']);

/** Whether a text is an integer. */
export function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** Whether a text is a number in JSON. */
export function isNumber(text: string): boolean {
  return NUMBER.test(text);
}

/** Return the ways to ask for a value of `schema`, best first; JSON text, which holds all, last. */
export function controlsFor(schema: Schema, root: Schema, required: boolean): Control[] {
  const branches = alternatives(schema, root);
  const nullable = branches.some(isNullSchema);
  const open = branches.filter((branch) => !isNullSchema(branch));
  const allowsString = open.some((branch) => branch.type === 'string');
  const found = new Map<ControlType, Control>();
  for (const branch of open) {
    for (const type of controlTypesFor(branch, required && !nullable)) {
      const own = type === 'some-of' ? listOptions(branch) : schemaOptions(branch);
      const choices = type === 'one-of' || type === 'some-of' ? choicesOf(branch, own) : [];
      const empty = emptyJson(type, branch, nullable);
      const control = { type, schema: branch, choices, emptyJson: empty, allowsString };
      const other = found.get(type);
      found.set(type, other ? mergeControls(other, control) : control);
    }
  }
  const json = { type: 'json', schema, choices: [], emptyJson: undefined, allowsString } as const;
  return [...found.values(), json];
}

function controlTypesFor(schema: Schema, definite: boolean): readonly ControlType[] {
  const { type, items = {} } = schema;
  if (type === 'array' && listOptions(schema)) return ['some-of'];
  if (schemaOptions(schema)) return ['one-of'];
  if (type === 'array') {
    return items.type === 'string' && items.format !== 'password' ? ['lines'] : [];
  }
  if (type === 'boolean') {
    return [typeof schema.default === 'boolean' || definite ? 'yes-no' : 'one-of'];
  }
  if (type === 'integer' || type === 'number') return ['number'];
  if (type !== 'string') return [];
  return schema.format === 'password' ? ['password', 'long-password'] : ['text', 'long-text'];
}

type Options = ReturnType<typeof schemaOptions>;

/** What a list may have in it; a kind may say it of the list itself. */
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
  // An empty value is that of nothing chosen.
  return { json, value: value || json, label: label || json, group };
}

/** What an emptied control stands for: what the reader sees, never a default that they do not. */
function emptyJson(type: ControlType, schema: Schema, nullable: boolean): string | undefined {
  const { default: preset } = schema;
  if (preset === null) return 'null';
  if (LISTS.has(type)) return nullable && preset === undefined ? 'null' : '[]';
  if (nullable) return preset === '' ? '""' : 'null';
  return (type === 'text' || type === 'long-text') && typeof preset === 'string' ? '""' : undefined;
}

/** Two ways with the same control as one: of limits that differ, none is checked here. */
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

/** Return the way with a choice more for each string of `json` that its open list does not offer. */
export function withStoredChoices(control: Control, json: string | undefined): Control {
  const open = (control.schema.items ?? control.schema)['x-options'] ?? control.schema['x-options'];
  if (!control.choices.length || !open || json === undefined) return control;
  const value: unknown = JSON.parse(json);
  const known = new Set(control.choices.map((one) => one.value));
  const extra = [...new Set(Array.isArray(value) ? value : [value])]
    .filter((one) => typeof one === 'string' && !known.has(one))
    .map((one) => createChoice(JSON.stringify(one), one, one, 'Not offered any more'));
  return { ...control, choices: [...control.choices, ...extra] };
}

/** Return what the control shows of a JSON text, as the DOM would have it. */
export function toControlValue({ type, choices }: Control, json: string | undefined): ControlValue {
  const value: unknown = json === undefined ? undefined : parse(json);
  const text = typeof value === 'string' ? value : '';
  switch (type) {
    case 'yes-no':
      return value === true;
    case 'password': // a stored one is only named
    case 'long-password':
      return '';
    case 'text':
      return text.replace(/[\r\n]/g, '');
    case 'long-text':
      return text.replace(/\r\n?/g, '\n');
    case 'number':
      return isNumber(json?.trim() ?? '') ? (json ?? '').trim() : '';
    case 'one-of':
      return choiceValue(choices, stringify(value));
    case 'some-of': // each box once, whatever the list says
      return [...new Set(itemTexts(value).map((item) => choiceValue(choices, item)))];
    case 'lines':
      return Array.isArray(value) ? value.map(String).join('\n').replace(/\r\n?/g, '\n') : '';
    case 'json':
      return json === undefined ? '' : formatJson(json);
  }
}

/** Return the JSON text that the control stands for; undefined: the field is left out. */
export function toJson(control: Control, shown: ControlValue): string | undefined {
  if (typeof shown === 'boolean') return String(shown);
  if (typeof shown !== 'string') {
    const items = shown.map((one) => choiceJson(control, one));
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
      return choiceJson(control, text);
    case 'lines':
      return listJson(control, text.match(/[^\n]+/g)?.map((line) => JSON.stringify(line)) ?? []);
    default:
      return JSON.stringify(text);
  }
}

/** Whether the control, left as it is, stands for just this value. */
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

/** A list of choices never changes, and thousands of them are asked for one by one. */
const indices = new WeakMap<
  readonly Choice[],
  Record<'byValue' | 'byJson', ReadonlyMap<string, Choice>>
>();

/** The choices by what they are found by; of several the first. */
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

/** Return a JSON text without spaces and needless escapes; its numbers stay as they are written. */
export function normalizeJson(json: string): string {
  return stringify(parse(json)) ?? 'null';
}

function formatJson(json: string): string {
  const line = json.trim();
  return line.length <= MAX_LINE_LENGTH && !line.includes('\n') ? line : indentJson(line);
}
