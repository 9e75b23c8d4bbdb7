/**
 * The controls of a form: what each shows of a JSON text, and the JSON text that it stands for. A
 * control holds a value if reading it back gives that value, to the digit. Pure.
 */

import { isSafeNumber, parse, stringify } from 'lossless-json';
import { indented } from '../text/json';
import { alternatives, isNull, optionsOf, type Schema } from './schema';

/** How a value is asked for. */
export type Ask =
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
export type Shown = string | boolean | readonly string[];

/** One way to ask for a field's value. */
export interface Way {
  readonly ask: Ask;
  readonly schema: Schema;
  readonly choices: readonly Choice[];
  /** What the control stands for when it is emptied; undefined: the field is left out. */
  readonly empty: string | undefined;
  /** Whether the value may also be a string, where digits that a number would lose are kept. */
  readonly orString: boolean;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** JSON text as long as this is shown on one line, as it came. */
const MOST_CHARACTERS = 60;
const INTEGER = /^-?\d+$/;
const LISTS: ReadonlySet<Ask> = new Set(['some-of', 'lines']);

/** Whether a text is a number as JSON writes it. */
export function isNumber(text: string): boolean {
  return NUMBER.test(text);
}

/** Return the ways to ask for a value of `schema`, best first; JSON text, which holds all, last. */
export function waysOf(schema: Schema, root: Schema, required: boolean): Way[] {
  const branches = alternatives(schema, root);
  const nullable = branches.some(isNull);
  const open = branches.filter((branch) => !isNull(branch));
  const orString = open.some((branch) => branch.type === 'string');
  const found = new Map<Ask, Way>();
  for (const branch of open) {
    for (const ask of asksFor(branch, required && !nullable)) {
      const own = ask === 'some-of' ? listOptions(branch) : optionsOf(branch);
      const choices = ask === 'one-of' || ask === 'some-of' ? choicesOf(branch, own) : [];
      const way = { ask, schema: branch, choices, empty: emptied(ask, branch, nullable), orString };
      const other = found.get(ask);
      found.set(ask, other ? either(other, way) : way);
    }
  }
  const json = { ask: 'json', schema, choices: [], empty: undefined, orString } as const;
  return [...found.values(), json];
}

function asksFor(schema: Schema, definite: boolean): readonly Ask[] {
  const { type, items = {} } = schema;
  if (type === 'array' && listOptions(schema)) return ['some-of'];
  if (optionsOf(schema)) return ['one-of'];
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

type Options = ReturnType<typeof optionsOf>;

/** What a list may have in it; a kind may say it of the list itself. */
function listOptions(schema: Schema): Options {
  return schema['x-options'] ?? optionsOf(schema.items ?? {});
}

function choicesOf(schema: Schema, options: Options): Choice[] {
  if (schema.type === 'boolean' && !options) {
    return [choice('true', 'true', 'Yes'), choice('false', 'false', 'No')];
  }
  const plain = (options ?? []).every((one) => !isJson(one) || typeof one.json === 'string');
  return (options ?? []).flatMap((one) => {
    if (typeof one === 'string') return [choice(JSON.stringify(one), one, one)];
    if (!isJson(one)) {
      return [choice(JSON.stringify(one.value), one.value, one.label ?? one.value, one.group)];
    }
    const json = stringify(one.json) ?? 'null';
    const text = plain ? String(one.json) : json;
    return one.json === null ? [] : [choice(json, text, text)];
  });
}

function isJson(option: NonNullable<Options>[number]): option is { readonly json: unknown } {
  return typeof option === 'object' && 'json' in option;
}

function choice(json: string, value: string, label: string, group = ''): Choice {
  // An empty value is that of nothing chosen.
  return { json, value: value || json, label: label || json, group };
}

/** What an emptied control stands for: what the reader sees, never a default that they do not. */
function emptied(ask: Ask, schema: Schema, nullable: boolean): string | undefined {
  const { default: preset } = schema;
  if (preset === null) return 'null';
  if (LISTS.has(ask)) return nullable && preset === undefined ? 'null' : '[]';
  if (nullable) return preset === '' ? '""' : 'null';
  return (ask === 'text' || ask === 'long-text') && typeof preset === 'string' ? '""' : undefined;
}

/** Two ways with the same control as one: of limits that differ, none is checked here. */
function either(one: Way, other: Way): Way {
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
export function withChosen(way: Way, json: string | undefined): Way {
  const open = (way.schema.items ?? way.schema)['x-options'] ?? way.schema['x-options'];
  if (!way.choices.length || !open || json === undefined) return way;
  const value: unknown = JSON.parse(json);
  const known = new Set(way.choices.map((one) => one.value));
  const extra = [...new Set(Array.isArray(value) ? value : [value])]
    .filter((one) => typeof one === 'string' && !known.has(one))
    .map((one) => choice(JSON.stringify(one), one, one, 'Not offered any more'));
  return { ...way, choices: [...way.choices, ...extra] };
}

/** Return what the control shows of a JSON text, as the DOM would have it. */
export function show({ ask, choices }: Way, json: string | undefined): Shown {
  const value: unknown = json === undefined ? undefined : parse(json);
  const text = typeof value === 'string' ? value : '';
  switch (ask) {
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
      return valueFor(choices, stringify(value));
    case 'some-of': // each box once, whatever the list says
      return [...new Set(itemsOf(value).map((item) => valueFor(choices, item)))];
    case 'lines':
      return Array.isArray(value) ? value.map(String).join('\n').replace(/\r\n?/g, '\n') : '';
    case 'json':
      return json === undefined ? '' : pretty(json);
  }
}

/** Return the JSON text that the control stands for; undefined: the field is left out. */
export function take(way: Way, shown: Shown): string | undefined {
  if (typeof shown === 'boolean') return String(shown);
  if (typeof shown !== 'string')
    return listed(
      way,
      shown.map((one) => chosen(way, one)),
    );
  const text = way.ask === 'number' || way.ask === 'json' ? shown.trim() : shown;
  if (text === '') return way.empty;
  switch (way.ask) {
    case 'json':
      return text;
    case 'number':
      return isNumber(text) && (!way.orString || isSafe(text)) ? text : JSON.stringify(text);
    case 'one-of':
      return chosen(way, text);
    case 'lines':
      return listed(
        way,
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.stringify(line)),
      );
    default:
      return JSON.stringify(text);
  }
}

/** Whether the control, left as it is, stands for just this value. */
export function holds(way: Way, json: string): boolean {
  const taken = take(way, show(way, json));
  return taken !== undefined && exact(taken) === exact(json);
}

function listed({ empty }: Way, items: readonly string[]): string | undefined {
  return items.length ? `[${items.join(',')}]` : empty;
}

function chosen({ choices }: Way, value: string): string {
  return indexOf(choices).byValue.get(value)?.json ?? JSON.stringify(value);
}

function valueFor(choices: readonly Choice[], json: string | undefined): string {
  return (json === undefined ? undefined : indexOf(choices).byJson.get(json)?.value) ?? '';
}

interface Index {
  readonly byValue: ReadonlyMap<string, Choice>;
  readonly byJson: ReadonlyMap<string, Choice>;
}

/** A list of choices never changes, and thousands of them are asked for one by one. */
const indices = new WeakMap<readonly Choice[], Index>();

/** The choices by what they are found by; of several the first. */
function indexOf(choices: readonly Choice[]): Index {
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

function itemsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => stringify(item) ?? 'null') : [];
}

function isSafe(text: string): boolean {
  return INTEGER.test(text) || isSafeNumber(text);
}

/** Return a JSON text without spaces and needless escapes; its numbers stay as they are written. */
export function exact(json: string): string {
  return stringify(parse(json)) ?? 'null';
}

function pretty(json: string): string {
  const line = json.trim();
  return line.length <= MOST_CHARACTERS && !line.includes('\n') ? line : indented(line);
}
