/**
 * A form from a kind's JSON Schema: what fields there are, what they hold, what is sent. Each field
 * holds JSON text: one that nobody has touched is sent as it came, to the digit. Pure.
 */

import type { FieldError } from '../elements/api';
import { title as titled } from '../text/format';
import { holds, type Shown, show, take, type Way, waysOf, withChosen } from './controls';
import { resolve, type Schema } from './schema';

/** One field of the form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** How its value can be asked for, best first. */
  readonly ways: readonly Way[];
  /** The JSON text that it began with; undefined where there was none. */
  readonly came: string | undefined;
}

/** What a field holds: its control, what that shows, and the JSON text that is sent. */
export interface Entry {
  readonly way: Way;
  readonly shown: Shown;
  /** Undefined: the field is left out. */
  readonly json: string | undefined;
  /** What was written in other ways, for the way back. */
  readonly drafts?: ReadonlyMap<Way, Entry>;
  /** Whether nothing was written since this way was chosen. */
  readonly isLook?: boolean;
}

/** What the fields hold, by name. */
export type Entries = ReadonlyMap<string, Entry>;

/** The fields of an object schema in its own (reading) order, then those that only `texts` has. */
export function fieldsOf(root: Schema, texts: Readonly<Record<string, string>> = {}): Field[] {
  const whole = resolve(root, root);
  const known = Object.entries(whole.properties ?? {});
  const names = new Set(known.map(([name]) => name));
  const came = new Map(Object.entries(texts));
  const fields = known.map(([name, raw]): Field => {
    const required = whole.required?.includes(name) ?? false;
    const schema = resolve(raw, root);
    const text = came.get(name);
    const ways = waysOf(raw, root, required).map((way) => withChosen(way, text));
    return { ...labels(name, ways[0]?.schema ?? schema), name, required, schema, ways, came: text };
  });
  const others = [...came].filter(([name]) => !names.has(name));
  return [...fields, ...others.map(([name, text]) => unknownField(name, text))];
}

function labels(name: string, schema: Schema): Pick<Field, 'label' | 'help'> {
  return { label: labelOf(name, schema), help: schema.description ?? '' };
}

/** The title of the schema, unless pydantic made it of the name (`Max Failures`). */
function labelOf(name: string, schema: Schema): string {
  const plain = titled(name);
  return schema.title && schema.title.toLowerCase() !== plain.toLowerCase() ? schema.title : plain;
}

function unknownField(name: string, came: string): Field {
  const help =
    'This form does not know it; it was a parameter of the earlier job. Empty leaves it out.';
  const ways = waysOf({}, {}, false);
  return { name, label: name, help, required: false, schema: {}, ways, came };
}

/** What the fields hold at first. */
export function initial(fields: readonly Field[]): Entries {
  return new Map(fields.map((field) => [field.name, begun(field)]));
}

function begun({ ways, came, required }: Field): Entry {
  const [first] = ways as readonly [Way, ...Way[]];
  if (came !== undefined && !isStoredSecret(first, came)) {
    const way = ways.find((one) => holds(one, came)) ?? (ways.at(-1) as Way);
    return { way, shown: show(way, came), json: came };
  }
  if (first.ask === 'yes-no') return changed(first, false);
  const choice = first.ask === 'one-of' && required ? first.choices[0] : undefined;
  if (choice) return { way: first, shown: choice.value, json: choice.json };
  const shown = show(first, undefined);
  return { way: first, shown, json: required && isList(first) ? take(first, shown) : came };
}

function isList({ ask }: Way): boolean {
  return ask === 'some-of' || ask === 'lines';
}

/** Whether another job's secret is named here, which nobody can show: it is to be given again. */
function isStoredSecret({ ask }: Way, json: string): boolean {
  return ask === 'password' && json !== 'null';
}

/** What a field holds once its control shows something else. */
export function changed(way: Way, shown: Shown, drafts?: Entry['drafts']): Entry {
  return { way, shown, json: take(way, shown), ...(drafts ? { drafts } : {}) };
}

/**
 * What a field holds when it is asked for in another way: the same where that way can hold it, else what
 * was written there before. Looking at a way changes nothing: the way back leads to what was there.
 */
export function switched(entry: Entry, way: Way): Entry {
  const { json, isLook = false } = entry;
  const drafts = new Map(entry.drafts);
  if (!isLook) drafts.set(entry.way, entry);
  const draft = drafts.get(way);
  if (isLook && draft) return { ...draft, drafts };
  if (!isLook && json !== undefined && holds(way, json)) {
    return { way, shown: show(way, json), json, drafts };
  }
  return { ...(draft ?? changed(way, show(way, undefined))), drafts, isLook: true };
}

/** Whether the field's usual control could not show what it began with. */
export function isOdd(field: Field, { way, json }: Entry): boolean {
  return way.ask === 'json' && field.ways.length > 1 && json === field.came;
}

/** The body of a request, as text: what was not touched has the digits that it came with. */
export function bodyText(kind: string, fields: readonly Field[], entries: Entries): string {
  const members = fields.flatMap(({ name }) => {
    const json = entries.get(name)?.json;
    return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
  });
  return `{"kind":${JSON.stringify(kind)},"params":{${members.join(',')}}}`;
}

/** The errors by field name; those of no field under `''`. Several of one field are joined. */
export function errorsByField(
  fields: readonly Field[],
  errors: readonly FieldError[],
  entries: Entries = new Map(),
): ReadonlyMap<string, string> {
  const names = new Set(fields.map((field) => field.name));
  const found = new Map<string, string>();
  for (const { pointer, detail } of errors) {
    const parts = pointer.split('/').map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
    const at = parts.findIndex((part) => names.has(part));
    const name = parts[at] ?? '';
    const entry = entries.get(name);
    const place = entry?.way.ask === 'json' ? placeIn(entry.json, parts.slice(at + 1)) : '';
    const said = place ? `At ${place}: ${detail}` : detail;
    const before = found.get(name) ?? '';
    if (!before.includes(said)) found.set(name, before ? `${before} ${said}` : said);
  }
  return found;
}

/** The place within a JSON text that a pointer leads to; it may name branches of the schema, too. */
function placeIn(json: string | undefined, parts: readonly string[]): string {
  let value: unknown = json === undefined ? undefined : JSON.parse(json);
  const place: string[] = [];
  for (const part of parts) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) continue;
    place.push(part);
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return place.join(' › ');
}
