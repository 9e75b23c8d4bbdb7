import { describe, expect, it } from 'vitest';
import type { Schema } from '../../src/elements/api';
import { collect, errorsByField, fieldsOf, initial } from '../../src/elements/form';
import { check } from '../../src/elements/form-check';

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
const fields = fieldsOf(schema);

describe('fields of a schema', () => {
  it('come in its order, each asked for in its way', () => {
    expect(fields.map((field) => [field.name, field.ask])).toEqual([
      ['servers', 'some-of'],
      ['version', 'one-of'],
      ['mode', 'one-of'],
      ['batch', 'number'],
      ['pace', 'number'],
      ['drain', 'yes-no'],
      ['notes', 'lines'],
      ['max_failures', 'number'],
    ]);
  });

  it('ask for a secret as a password, and begin empty whatever another job has', () => {
    const secret = { type: 'string', format: 'password', minLength: 4 };
    const asked = fieldsOf({
      required: ['password'],
      properties: { password: secret, pin: { anyOf: [secret, { type: 'null' }], default: null } },
    });
    expect(asked.map((field) => field.ask)).toEqual(['password', 'password']);
    const values = initial(asked, { password: { secret: 'password' }, pin: { secret: 'pin' } });
    expect(values).toEqual({ password: '', pin: '' });
    expect(check(asked, values)).toEqual({ password: 'Fill this in.' });
    expect(collect(asked, { password: ' s3cret ', pin: '' })).toEqual({ password: ' s3cret ' });
  });

  it('are called by their title, or by their name where pydantic made the title of it', () => {
    const labels = Object.fromEntries(fields.map((field) => [field.name, field.label]));
    expect(labels).toMatchObject({ batch: 'Batch size', max_failures: 'Max failures' });
  });
});

describe('what the fields hold', () => {
  it('begins with the defaults, and the first choice of what must be chosen', () => {
    const values = initial(fields);
    expect(values).toMatchObject({
      servers: [],
      version: '1.5.0',
      batch: '4',
      pace: '',
      drain: true,
    });
  });

  it('begins with another job’s params where there is one', () => {
    const values = initial(fields, {
      servers: ['gs-002'],
      version: '1.6.0',
      batch: 2,
      notes: ['a', 'b'],
    });
    expect(values).toMatchObject({
      servers: ['gs-002'],
      version: '1.6.0',
      batch: '2',
      notes: 'a\nb',
    });
  });

  it('becomes params of the right types; what is empty is left to its default', () => {
    const values = { ...initial(fields), servers: ['gs-001'], batch: ' 12 ', notes: 'x\n\n y ' };
    expect(collect(fields, values)).toEqual({
      servers: ['gs-001'],
      version: '1.5.0',
      mode: 'careful',
      batch: 12,
      drain: true,
      notes: ['x', 'y'],
      max_failures: 1,
    });
  });

  it('is sent as typed where it is no number', () => {
    expect(collect(fields, { ...initial(fields), batch: '4x' }).batch).toBe('4x');
  });
});

describe('errors', () => {
  it('are found before the service is asked', () => {
    const values = { ...initial(fields), batch: '0', pace: 'quick', max_failures: '1.5' };
    expect(check(fields, values)).toEqual({
      servers: 'Choose at least one.',
      batch: 'At least 1.',
      pace: 'Write a number.',
      max_failures: 'Write a whole number.',
    });
    expect(check(fields, { ...initial(fields), servers: ['gs-001'] })).toEqual({});
  });

  it('of the service go to the field that the pointer leads to, once each', () => {
    const found = errorsByField(fields, [
      { pointer: '/servers/0', detail: 'There is no server x.' },
      { pointer: '/servers/3', detail: 'There is no server y.' },
      { pointer: '/servers/4', detail: 'There is no server y.' },
      { pointer: '/kind', detail: 'Unknown.' },
    ]);
    expect(found.servers).toContain('There is no server x.');
    expect(found.servers).toContain('There is no server y.');
    expect(found['']).toBe('Unknown.');
  });
});
