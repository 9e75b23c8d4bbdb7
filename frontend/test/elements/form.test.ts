import { describe, expect, it } from 'vitest';
import { buildFields, errorsByField } from '../../src/new-job/form';
import type { Schema } from '../../src/new-job/schema';
import { Form, one, sent } from './form-scene';

const schema: Schema = {
  type: 'object',
  required: ['servers', 'version', 'mode'],
  properties: {
    servers: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      'x-choices': 'targets',
      'x-options': ['gs-001', 'gs-002'],
    },
    version: { type: 'string', 'x-choices': 'versions', 'x-options': ['1.5.0', '1.6.0'] },
    mode: { $ref: '#/$defs/Mode' },
    batch: { type: 'integer', default: 4, minimum: 1, maximum: 100, title: 'Batch size' },
    pace: { anyOf: [{ type: 'number' }, { type: 'null' }], default: null },
    drain: { type: 'boolean', default: true },
    notes: { type: 'array', items: { type: 'string' } },
    max_failures: { type: 'integer', default: 1, title: 'Max Failures' },
  },
  $defs: { Mode: { type: 'string', enum: ['careful', 'fast'] } },
};
const DEFAULTS = { batch: '4', pace: 'null', drain: 'true', max_failures: '1' };
const COMMAND: Schema = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string' }, minItems: 1 },
  ],
};

describe('fields of a schema', () => {
  it('come in its order, each asked for in its way', () => {
    const form = new Form(schema, DEFAULTS);
    expect(form.fields.map((field) => field.name)).toEqual(Object.keys(schema.properties ?? {}));
    expect(form.asks).toEqual([
      'some-of',
      'one-of',
      'one-of',
      'number',
      'number',
      'yes-no',
      'lines',
      'number',
    ]);
  });

  it('are called by their title, or by their name where pydantic made the title of it', () => {
    const labels = Object.fromEntries(
      buildFields(schema).map((field) => [field.name, field.label]),
    );
    expect(labels).toMatchObject({ batch: 'Batch size', max_failures: 'Max failures' });
  });

  it('of a recursive model are found behind its reference', () => {
    const node: Schema = {
      properties: { next: { $ref: '#/$defs/Node' }, name: { type: 'string' } },
    };
    const fields = buildFields({ $ref: '#/$defs/Node', $defs: { Node: node } });
    expect(fields.map((field) => field.controls[0]?.type)).toEqual(['json', 'text']);
  });

  it('that only the earlier job has are there too, and left out once they are emptied', () => {
    const form = new Form({ properties: {} }, { gone: '{"a": 1.0}', constructor: '[]' });
    expect(form.asks).toEqual(['json', 'json']);
    expect(form.body).toBe(sent('"gone":{"a": 1.0},"constructor":[]'));
    expect(form.write('', 'gone').body).toBe(sent('"constructor":[]'));
  });
});

describe('what the fields hold', () => {
  it('is sent as it came, to the digit and in its order, until it is touched', () => {
    const params = {
      servers: '["gs-002", "gs-001"]',
      version: '"0.9"',
      mode: '"fast"',
      batch: '1.0',
      pace: '1e400',
      drain: 'null',
      notes: '["a ", "", "x\\ny", "\\u00e9"]',
      max_failures: '9007199254740993',
      other: '{"10": -0.0, "9": [1E5, {}]}',
    };
    const form = new Form(schema, params);
    const members = Object.entries(params).map(([name, json]) => `"${name}":${json}`);
    expect(form.body).toBe(sent(members.join(',')));
    form.write('7', 'batch');
    expect(form.body).toBe(sent(members.join(',').replace('"batch":1.0', '"batch":7')));
  });

  it('begins with the first choice of what must be chosen, and with nothing checked', () => {
    const form = new Form(schema, DEFAULTS);
    expect(form.body).toBe(
      sent(
        '"servers":[],"version":"1.5.0","mode":"careful","batch":4,"pace":null,"drain":true,"max_failures":1',
      ),
    );
  });

  it('that its usual control cannot show is shown as JSON text', () => {
    const argv = '["printf", "%s\\n", "a b", "", "x\\ny"]';
    const form = one(COMMAND, argv);
    expect(form.entry()).toMatchObject({ control: { type: 'json' }, json: argv });
    expect(form.entry().value).toBe(argv);
    for (const [property, json] of [
      [{ type: 'string' }, '"a\\rb"'],
      [{ type: 'string' }, '""'],
      [{ type: 'string' }, 'null'],
      [{ type: 'string' }, '{"a": 1}'],
      [{ type: 'boolean', default: false }, 'null'],
      [{ type: 'integer' }, '"5"'],
      [{ enum: ['a', 'b'] }, '"c"'],
      [{ type: 'array', items: { type: 'string', 'x-options': ['a', 'b'] } }, '["a", "a"]'],
      [{ type: 'array', items: { type: 'string' } }, '[1, "1"]'],
      [{ type: 'array', items: { type: 'integer' } }, '[1, 2]'],
    ] as const) {
      expect([json, one(property, json).entry().control.type]).toEqual([json, 'json']);
    }
  });

  it('of several lines is asked for in several lines, and of a list one a line', () => {
    expect(one({ type: 'string' }, '"a\\n b \\n"').entry()).toMatchObject({
      control: { type: 'long-text' },
      value: 'a\n b \n',
    });
    const list = one(COMMAND, '["ls", " -l "]');
    expect(list.entry()).toMatchObject({ control: { type: 'lines' }, value: 'ls\n -l ' });
    expect(list.write('ls\n\n  -a\n').body).toBe(sent('"it":["ls","  -a"]'));
  });

  it('may be written in another way, which keeps it where it can', () => {
    const form = one(COMMAND, '["ls", "-l"]').turn('json');
    expect(form.body).toBe(sent('"it":["ls", "-l"]'));
    expect(form.turn('lines').body).toBe(sent('"it":["ls", "-l"]'));
    expect(form.turn('text').entry()).toMatchObject({ value: '', json: undefined });
    expect(form.turn('lines').body).toBe(sent('"it":["ls", "-l"]')); // nothing was lost by looking
    expect(form.turn('text').write('ls -l').body).toBe(sent('"it":"ls -l"'));
  });

  it('tells choices of different types apart, and shows what is offered no more', () => {
    const mixed = one({ enum: [1, '1', true, null, 2n ** 53n + 1n] }, '"1"');
    expect(mixed.entry().control.choices.map((choice) => choice.label)).toEqual([
      '1',
      '"1"',
      'true',
      '9007199254740993',
    ]);
    expect(mixed.entry().value).toBe('"1"');
    expect(mixed.write('1').body).toBe(sent('"it":1'));
    expect(mixed.write('9007199254740993').body).toBe(sent('"it":9007199254740993'));

    const version = one({ type: 'string', 'x-options': ['2'] }, '"1"');
    expect(version.entry()).toMatchObject({ control: { type: 'one-of' }, value: '1' });
  });

  it('that is emptied stands for what the reader sees, not for a default that they do not', () => {
    const text: Schema = { type: 'string' };
    const maybe = (property: Schema): Schema => ({ anyOf: [property, { type: 'null' }] });
    const cases: [Schema, string | undefined, string][] = [
      [text, undefined, ''],
      [{ ...text, default: 'abc' }, '"abc"', '"it":""'],
      [{ ...maybe(text), default: null }, 'null', '"it":null'],
      [{ ...maybe(text), default: 'abc' }, '"abc"', '"it":null'],
      [{ ...maybe({ type: 'integer' }), default: 5 }, '5', '"it":null'],
      [{ type: 'integer', default: 5 }, '5', ''],
      [{ type: 'array', items: text, default: ['a'] }, '["a"]', '"it":[]'],
      [{ ...maybe({ type: 'array', items: text }), default: null }, 'null', '"it":null'],
    ];
    for (const [property, came, members] of cases) {
      expect(one(property, came).write('').body).toBe(sent(members));
    }
  });

  it('of a secret begins empty, and is given again or left out', () => {
    const secret: Schema = { type: 'string', format: 'password', minLength: 4 };
    const fresh = one(secret, undefined, true);
    expect([fresh.asks, fresh.errors]).toEqual([['password'], { it: 'Fill this in.' }]);
    expect(fresh.write(' s3cret ').body).toBe(sent('"it":" s3cret "'));

    const pin = { anyOf: [secret, { type: 'null' }], default: null };
    const again = one(pin, '{"secret": "it"}');
    expect(again.entry()).toMatchObject({ control: { type: 'password' }, value: '' });
    expect(again.body).toBe(sent('"it":{"secret": "it"}')); // which the service refuses, with a sentence
    expect(again.write('').body).toBe(sent('"it":null'));
  });

  it('keeps the digits of a number, and those that only a text can keep as a text', () => {
    const number = one({ type: 'number' });
    for (const text of ['9007199254740993', '1.0', '-0', '0.1000000000000000055', '1e22']) {
      expect(number.write(` ${text} `).body).toBe(sent(`"it":${text}`));
    }
    const decimal = one({ anyOf: [{ type: 'number' }, { type: 'string' }] });
    expect(decimal.write('0.1').body).toBe(sent('"it":0.1'));
    expect(decimal.write('0.1000000000000000055').body).toBe(sent('"it":"0.1000000000000000055"'));
  });
});

describe('errors', () => {
  it('are found before the service is asked', () => {
    const form = new Form(schema, DEFAULTS);
    form.write('0', 'batch').write('quick', 'pace').write('1.5', 'max_failures');
    expect(form.errors).toEqual({
      servers: 'Choose at least one.',
      batch: 'At least 1.',
      pace: 'Enter a number.',
      max_failures: 'Enter a whole number.',
    });
    expect(new Form(schema, DEFAULTS).write(['gs-001'], 'servers').errors).toEqual({});
  });

  it('hold numbers against limits to the last digit', () => {
    const most = 2n ** 53n + 1n;
    const form = one({ type: 'integer', maximum: most });
    expect(form.write('9007199254740993').errors).toEqual({});
    expect(form.write('9007199254740994').errors).toEqual({ it: 'At most 9,007,199,254,740,993.' });
    expect(form.write('9223372036854775808').errors).toEqual({ it: 'This number is too large.' });
    expect(one({ type: 'number' }).write('1e400').errors).toEqual({
      it: 'This number is too large.',
    });
  });

  it('count characters as the service does', () => {
    const form = one({ type: 'string', maxLength: 2 });
    expect(form.write('😀😀').errors).toEqual({});
    expect(form.write('😀😀😀').errors).toEqual({ it: 'At most 2\u00a0characters.' });
  });

  it('in JSON text are said with their place', () => {
    const form = one({ type: 'object' }, '{}');
    const bad = form.write('{\n  "a": tru\n}').errors.it ?? '';
    expect(bad).toContain('This is not JSON');
    expect(bad).toContain('line 2, column 8');
    expect(form.write('{"a": 1, "a": 2}').errors.it).toContain("Duplicate key 'a'");
    expect(form.write('['.repeat(100_000)).errors.it).toBe('This is nested too deep.');
    expect(form.write(' ').errors).toEqual({});
  });

  it('of the service go to the field that the pointer leads to, once each', () => {
    const fields = buildFields(schema);
    const found = errorsByField(fields, [
      { pointer: '/servers/0', detail: 'There is no server x.' },
      { pointer: '/servers/3', detail: 'There is no server y.' },
      { pointer: '/servers/4', detail: 'There is no server y.' },
      { pointer: '/kind', detail: 'Unknown.' },
    ]);
    expect(found.get('servers')).toBe('There is no server x. There is no server y.');
    expect(found.get('')).toBe('Unknown.');
  });

  it('of the service within JSON text say where', () => {
    const form = one({ type: 'array', items: { type: 'object' } }, '[{"port": 1}, {"port": "x"}]');
    const error = { pointer: '/it/1/int/port', detail: 'Write an integer.' };
    const found = errorsByField(form.fields, [error], form.entries);
    expect(found.get('it')).toBe('At 1 › port: Write an integer.');
  });
});
