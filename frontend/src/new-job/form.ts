/**
 * The data of a form: its fields from a kind's JSON Schema, their entries, and the request body. Each
 * entry is JSON text, so an untouched field is sent back unchanged, to the digit. Pure.
 */

import type { FieldError } from '../elements/api';
import { titleFromName } from '../text/format';
import {
  type Control,
  type ControlValue,
  canHold,
  controlsFor,
  toControlValue,
  toJson,
  withStoredChoices,
} from './controls';
import { resolveSchema, type Schema } from './schema';

/** One field of the form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** The controls that can edit it, best first. */
  readonly controls: readonly Control[];
  /** The JSON text that it began with, if any. */
  readonly initialJson: string | undefined;
}

/** What a field holds: its control, the control's value, and the JSON text to send. */
export interface Entry {
  readonly control: Control;
  readonly value: ControlValue;
  /** Undefined leaves the field out. */
  readonly json: string | undefined;
  /** The entries of the other controls, to switch back to. */
  readonly drafts?: ReadonlyMap<Control, Entry>;
  /** Whether nothing was typed since this control was chosen. */
  readonly isPreview?: boolean;
}

/** The entries by field name. */
export type Entries = ReadonlyMap<string, Entry>;

/** A field as its template shows it, with the callbacks for what the reader does. */
export interface FieldView {
  readonly field: Field;
  readonly entry: Entry;
  readonly error: string;
  /** What the reader typed to find a choice. */
  readonly search: string;
  readonly onEntry: (entry: Entry) => void;
  readonly onSearch: (text: string) => void;
}

/** Return the DOM id of a field's control, without spaces, which separate ids in `aria-describedby`. */
export function fieldId(field: Field): string {
  return `field-${encodeURIComponent(field.name)}`;
}

/** Build the fields of an object schema in its order, then those that only `texts` has. */
export function buildFields(root: Schema, texts: Readonly<Record<string, string>> = {}): Field[] {
  const whole = resolveSchema(root, root);
  const known = Object.entries(whole.properties ?? {});
  const names = new Set(known.map(([name]) => name));
  const stored = new Map(Object.entries(texts));
  const fields = known.map(([name, raw]): Field => {
    const required = whole.required?.includes(name) ?? false;
    const schema = resolveSchema(raw, root);
    const initialJson = stored.get(name);
    const usual = controlsFor(raw, root, required);
    const controls = usual.map((control) => withStoredChoices(control, initialJson));
    const texts = fieldTexts(name, controls[0]?.schema ?? schema);
    return { ...texts, name, required, schema, controls, initialJson };
  });
  const others = [...stored].filter(([name]) => !names.has(name));
  return [...fields, ...others.map(([name, text]) => unknownField(name, text))];
}

function fieldTexts(name: string, schema: Schema): Pick<Field, 'label' | 'help'> {
  return { label: labelOf(name, schema), help: schema.description ?? '' };
}

/** The title of the schema, unless pydantic derived it from the name (`Max Failures`). */
function labelOf(name: string, schema: Schema): string {
  const plain = titleFromName(name);
  return schema.title && schema.title.toLowerCase() !== plain.toLowerCase() ? schema.title : plain;
}

function unknownField(name: string, initialJson: string): Field {
  const help =
    'The earlier job had this parameter, which the kind no longer has. Leave it empty to omit it.';
  const controls = controlsFor({}, {}, false);
  return { name, label: name, help, required: false, schema: {}, controls, initialJson };
}

/** The initial entries. */
export function initialEntries(fields: readonly Field[]): Entries {
  return new Map(fields.map((field) => [field.name, initialEntry(field)]));
}

function initialEntry({ controls, initialJson, required }: Field): Entry {
  const [first] = controls as readonly [Control, ...Control[]];
  if (first.type === 'secrets') return changeEntry(first, toControlValue(first, initialJson));
  if (initialJson !== undefined && !isStoredSecret(first, initialJson)) {
    const fitting = controls.find((one) => canHold(one, initialJson));
    const control = fitting ?? (controls.at(-1) as Control);
    return { control, value: toControlValue(control, initialJson), json: initialJson };
  }
  if (first.type === 'yes-no') return changeEntry(first, false);
  const choice = first.type === 'one-of' && required ? first.choices[0] : undefined;
  if (choice) return { control: first, value: choice.value, json: choice.json };
  const value = toControlValue(first, undefined);
  const isList = first.type === 'some-of' || first.type === 'lines';
  const json = required && isList ? toJson(first, value) : initialJson;
  return { control: first, value, json };
}

/** Whether this names a secret of another job, which cannot be shown and must be typed again. */
function isStoredSecret({ type }: Control, json: string): boolean {
  return type === 'password' && json !== 'null' && !/^\{\s*"credential"/.test(json);
}

/** The entry after the control's value has changed. */
export function changeEntry(
  control: Control,
  value: ControlValue,
  drafts?: Entry['drafts'],
): Entry {
  return { control, value, json: toJson(control, value), ...(drafts ? { drafts } : {}) };
}

/**
 * The entry after another control was chosen: the same value if that control can hold it, otherwise what
 * was typed there before. Only looking at a control changes nothing: switching back restores the entry.
 */
export function switchControl(entry: Entry, control: Control): Entry {
  const { json, isPreview = false } = entry;
  const drafts = new Map(entry.drafts);
  if (!isPreview) drafts.set(entry.control, entry);
  const draft = drafts.get(control);
  if (isPreview && draft) return { ...draft, drafts };
  if (!isPreview && json !== undefined && canHold(control, json)) {
    return { control, value: toControlValue(control, json), json, drafts };
  }
  const preview = draft ?? changeEntry(control, toControlValue(control, undefined));
  return { ...preview, drafts, isPreview: true };
}

/** Whether the field's usual control could not hold the initial value. */
export function hasUnsupportedValue(field: Field, { control, json }: Entry): boolean {
  return control.type === 'json' && field.controls.length > 1 && json === field.initialJson;
}

/** The parameters as JSON text; untouched fields keep their digits. */
export function paramsText(fields: readonly Field[], entries: Entries): string {
  const members = fields.flatMap(({ name }) => {
    const json = entries.get(name)?.json;
    return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
  });
  return `{${members.join(',')}}`;
}

/** The request body as text. */
export function requestBody(kind: string, fields: readonly Field[], entries: Entries): string {
  return `{"kind":${JSON.stringify(kind)},"params":${paramsText(fields, entries)}}`;
}

/** Group errors by field name, joining those of one field; `''` has those of no field. */
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
    const place = entry?.control.type === 'json' ? pathInJson(entry.json, parts.slice(at + 1)) : '';
    const said = place ? `At ${place}: ${detail}` : detail;
    const before = found.get(name) ?? '';
    if (!before.includes(said)) found.set(name, before ? `${before} ${said}` : said);
  }
  return found;
}

/** The path within a JSON text that a pointer leads to, without the schema's branches in it. */
function pathInJson(json: string | undefined, parts: readonly string[]): string {
  let value: unknown = json === undefined ? undefined : JSON.parse(json);
  const place: string[] = [];
  for (const part of parts) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) continue;
    place.push(part);
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return place.join(' › ');
}
