/** A form for tests: its fields, what is written into them, what is sent. */

import type { ControlType } from '../../src/new-job/controls';
import {
  buildFields,
  changeEntry,
  type Entries,
  type Entry,
  type Field,
  initialEntries,
  requestBody,
  switchControl,
} from '../../src/new-job/form';
import type { Schema } from '../../src/new-job/schema';
import { validateForm } from '../../src/new-job/validation';

/** A form of one field, begun with a JSON text. */
export function one(property: Schema, came?: string, required = false): Form {
  const root = { properties: { it: property }, ...(required ? { required: ['it'] } : {}) };
  return new Form(root, came === undefined ? {} : { it: came });
}

/** A form as its page has it, filled in by its reader. */
export class Form {
  readonly fields: readonly Field[];
  entries: Entries;

  constructor(root: Schema, texts: Readonly<Record<string, string>>) {
    this.fields = buildFields(root, texts);
    this.entries = initialEntries(this.fields);
  }

  entry(name = 'it'): Entry {
    const found = this.entries.get(name);
    if (!found) throw new Error(`no field ${name}`);
    return found;
  }

  write(value: Entry['value'], name = 'it'): this {
    return this.put(name, changeEntry(this.entry(name).control, value));
  }

  turn(ask: ControlType, name = 'it'): this {
    const field = this.fields.find((each) => each.name === name);
    const way = field?.controls.find((each) => each.type === ask);
    if (!way) throw new Error(`no ${ask}`);
    return this.put(name, switchControl(this.entry(name), way));
  }

  put(name: string, entry: Entry): this {
    this.entries = new Map([...this.entries, [name, entry]]);
    return this;
  }

  get asks(): ControlType[] {
    return this.fields.map(({ name }) => this.entry(name).control.type);
  }

  get body(): string {
    return requestBody('k', this.fields, this.entries);
  }

  get errors(): Record<string, string> {
    return Object.fromEntries(validateForm(this.fields, this.entries));
  }
}

/** The body of a request with these members as parameters. */
export const sent = (params: string) => `{"kind":"k","params":{${params}}}`;
