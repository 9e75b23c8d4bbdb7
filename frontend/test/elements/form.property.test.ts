import fc from 'fast-check';
import { parse, stringify } from 'lossless-json';
import { describe, expect, it } from 'vitest';
import {
  type Control,
  type ControlValue,
  canHold,
  isNumber,
  toJson,
} from '../../src/new-job/controls';
import {
  buildFields,
  changeEntry,
  initialEntries,
  requestBody,
  switchControl,
} from '../../src/new-job/form';
import type { Schema } from '../../src/new-job/schema';

const RUNS = 500;

const odd = fc.constantFrom(
  '',
  ' ',
  'a\nb',
  'a\r\nb',
  '\r',
  'a ',
  '\n',
  '__proto__',
  '1',
  'null',
  '10',
  'é\u2028',
);
const word = fc.oneof(
  odd,
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const number = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '-0.0',
    '1.0',
    '1e400',
    '1E5',
    '1e+22',
    '5e-324',
    '0.30000000000000004',
  ),
  fc.constantFrom('9007199254740993', '-9223372036854775808', '123456789012345678901234567890'),
  fc.constantFrom('0.1000000000000000055511151231257827', '1.10', '100000000000000000000.5'),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => JSON.stringify(one)),
);
const space = fc.constantFrom('', ' ', '\n  ');

/** JSON text, numbers and members as nobody would write them; objects name nothing twice. */
const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    number,
    word.map((one) => JSON.stringify(one)),
    fc
      .tuple(fc.array(tie('text'), { maxLength: 4 }), space)
      .map(([items, gap]) => `[${gap}${items.join(`,${gap}`)}]`),
    fc.array(word, { maxLength: 4 }).map((items) => JSON.stringify(items)),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(word, tie('text')), { maxLength: 4, selector: ([name]) => name }),
        space,
      )
      .map(
        ([members, gap]) =>
          `{${members.map(([name, value]) => `${JSON.stringify(name)}:${gap}${value}`).join(',')}}`,
      ),
  ),
}));

const scalar: fc.Arbitrary<Schema> = fc.oneof(
  fc.constantFrom<Schema>(
    {},
    { type: 'string' },
    { type: 'string', format: 'date-time' },
    { type: 'string', 'x-options': ['a', 'a ', '1'] },
    { type: 'integer' },
    { type: 'number', minimum: 0 },
    { type: 'boolean' },
    { type: 'null' },
    { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
    { type: 'object' },
    { $ref: '#/$defs/One' },
    { allOf: [{ $ref: '#/$defs/One' }] },
    { $ref: '#/$defs/Loop' },
    { type: ['string', 'null'] },
  ),
  text.map((json) => ({ const: parse(json) })),
  fc
    .array(text, { minLength: 1, maxLength: 4 })
    .map((all) => ({ enum: all.map((json) => parse(json)) })),
);
const list = fc.oneof(
  scalar.map((items): Schema => ({ type: 'array', items })),
  fc.constant<Schema>({ type: 'array', 'x-options': ['a', 'b', '10'], items: { type: 'string' } }),
);
const branch = fc.oneof(scalar, list);
const property = fc.oneof(
  branch,
  fc.array(branch, { minLength: 1, maxLength: 3 }).map((anyOf): Schema => ({ anyOf })),
  branch.map((one): Schema => ({ oneOf: [one, { type: 'null' }], default: null })),
  fc.tuple(branch, text).map(([one, json]): Schema => ({ ...one, default: parse(json) })),
);
const form = fc
  .uniqueArray(fc.tuple(word, property, fc.option(text, { nil: undefined }), fc.boolean()), {
    maxLength: 5,
    selector: ([name]) => name,
  })
  .chain((fields) =>
    fc.tuple(fc.constant(fields), fc.dictionary(word, text, { maxKeys: 2, noNullPrototype: true })),
  )
  .map(([fields, more]) => ({
    root: {
      properties: Object.fromEntries(fields.map(([name, schema]) => [name, schema])),
      required: fields.filter(([, , , required]) => required).map(([name]) => name),
      $defs: { One: { type: 'string', enum: ['x', 'y'] }, Loop: { $ref: '#/$defs/Loop' } },
    } satisfies Schema,
    texts: Object.fromEntries([
      ...Object.entries(more),
      ...fields.flatMap(([name, , json]) => (json === undefined ? [] : [[name, json] as const])),
    ]),
  }));

/** What a browser makes of a value that is put into a control. */
function inTheBrowser({ type }: Control, shown: ControlValue): ControlValue {
  if (typeof shown === 'boolean') return shown;
  if (typeof shown !== 'string') return [...new Set(shown as readonly string[])]; // a box is checked once
  if (type === 'text' || type === 'number') return shown.replace(/[\r\n]/g, '');
  return type === 'one-of' ? shown : shown.replace(/\r\n?/g, '\n');
}

const canonical = (json: string) => stringify(parse(json));

describe('the form', () => {
  it('sends what it began with, byte for byte, whatever the schema', () => {
    fc.assert(
      fc.property(form, ({ root, texts }) => {
        const fields = buildFields(root, texts);
        const body = requestBody('k', fields, initialEntries(fields));
        for (const { name, initialJson } of fields) {
          if (initialJson !== undefined)
            expect(body).toContain(`${JSON.stringify(name)}:${initialJson}`);
        }
        const { params } = JSON.parse(body) as { params: object };
        for (const name of Object.keys(texts)) expect(Object.hasOwn(params, name)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('shows what it sends: each control as the browser has it stands for the same value', () => {
    fc.assert(
      fc.property(form, ({ root, texts }) => {
        for (const [, { control, value, json }] of initialEntries(buildFields(root, texts))) {
          if (json === undefined) continue;
          const again = toJson(control, inTheBrowser(control, value));
          expect(again === undefined ? again : canonical(again)).toBe(canonical(json));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('changes nothing but what is touched, and that only as it is written', () => {
    fc.assert(
      fc.property(form, fc.nat(), text, ({ root, texts }, at, written) => {
        const fields = buildFields(root, texts);
        const field = fields[at % Math.max(1, fields.length)];
        if (!field) return;
        const before = initialEntries(fields);
        const json = field.controls.at(-1) as Control;
        const after = new Map([...before, [field.name, changeEntry(json, written)]]);
        const others = fields.filter((one) => one !== field);
        expect(requestBody('k', others, after)).toBe(requestBody('k', others, before));
        expect(requestBody('k', [field], after)).toBe(
          `{"kind":"k","params":{${JSON.stringify(field.name)}:${written.trim()}}}`,
        );
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps a value that is looked at in every way that can show it', () => {
    fc.assert(
      fc.property(form, ({ root, texts }) => {
        const fields = buildFields(root, texts);
        for (const [name, entry] of initialEntries(fields)) {
          const field = fields.find((one) => one.name === name);
          if (entry.json === undefined || !field) continue;
          const json = field.controls.at(-1) as Control;
          for (const way of field.controls) {
            const there = switchControl(entry, way);
            if (canHold(way, entry.json)) expect(there.json).toBe(entry.json);
            const back = switchControl(there, entry.control);
            expect(back.json).toBe(entry.json);
            expect(switchControl(switchControl(entry, json), way).json).toBe(there.json);
          }
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('takes for a number what JSON does, and nothing else', () => {
    const near = fc.oneof(
      number,
      fc.string({ unit: fc.constantFrom(...'0123456789.eE+-'), maxLength: 8 }),
    );
    fc.assert(
      fc.property(near, (digits) => {
        let valid = true;
        try {
          JSON.parse(digits);
        } catch {
          valid = false;
        }
        expect(isNumber(digits)).toBe(valid);
      }),
      { numRuns: RUNS },
    );
  });
});
