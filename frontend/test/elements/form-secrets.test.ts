import { describe, expect, it } from 'vitest';
import type { Schema } from '../../src/new-job/schema';
import { Form, one, sent } from './form-scene';

describe('secrets', () => {
  const secret: Schema = {
    type: 'string',
    format: 'password',
    minLength: 4,
    'x-choices': 'reprise.credentials',
    'x-options': ['web', 'db'],
  };

  it('may be a credential instead, of those that are offered', () => {
    const form = new Form({ properties: { it: secret }, required: ['it'] }, {});
    expect(form.asks).toEqual(['password']);
    form.turn('credential');
    expect(form.errors).toEqual({ it: 'Choose one.' });
    expect(form.write('db').body).toBe(sent('"it":{"credential":"db"}'));
    const none = one({ ...secret, 'x-options': [] });
    expect(none.fields[0]?.controls.map(({ type }) => type)).not.toContain('credential');
  });

  it('that were a credential are chosen again', () => {
    expect(one(secret, '{"credential":"web"}').entry()).toMatchObject({ value: 'web' });
    expect(one(secret, '{"credential":"gone"}').entry().control.type).toBe('json');
  });

  it('of variables are rows of a name and a credential or a value', () => {
    const rows: Schema = { type: 'object', default: {}, patternProperties: { '^[A-Z]+$': secret } };
    const form = one(rows);
    expect([form.asks, form.body, form.errors]).toEqual([['secrets'], sent(''), {}]);
    form.write([
      { name: ' A', credential: 'web', text: 'unused' },
      { name: 'B', credential: '', text: 'typed' },
      { name: '', credential: '', text: '' },
    ]);
    expect(form.body).toBe(sent('"it":{"A":{"credential":"web"},"B":"typed"}'));
    expect(form.errors).toEqual({});
    form.write([{ name: 'B', credential: '', text: 'abc' }]);
    expect(form.errors).toEqual({ it: 'B: at least 4 characters, or a credential.' });
    form.write([{ name: '', credential: 'web', text: '' }]);
    expect(form.errors).toEqual({ it: 'Name the variable of each secret.' });
    const twice = { name: 'A', credential: 'web', text: '' };
    expect(form.write([twice, twice]).errors).toEqual({ it: 'A is there twice.' });
  });

  it('of variables are typed again where an earlier job had them', () => {
    const rows: Schema = { type: 'object', additionalProperties: secret };
    const form = one(rows, '{"A":{"secret":"it/A"},"B":{"credential":"web"}}');
    expect(form.entry().value).toEqual([
      { name: 'A', credential: '', text: '' },
      { name: 'B', credential: 'web', text: '' },
    ]);
    expect(form.errors).toEqual({ it: 'A: at least 4 characters, or a credential.' });
  });
});
