import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indentJson } from '../../src/text/json';

describe('JSON that is laid out', () => {
  it('is what JSON.stringify makes of it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const json = JSON.stringify(JSON.parse(JSON.stringify(value)));
        expect(indentJson(json)).toBe(JSON.stringify(JSON.parse(json), null, 2));
      }),
    );
  });

  it('keeps digits, escapes and the order of members', () => {
    expect(indentJson('{"10":1.0,"9":[-0.0,1E5,{}],"\\u00e9\\"]":[]}')).toBe(
      '{\n  "10": 1.0,\n  "9": [\n    -0.0,\n    1E5,\n    {}\n  ],\n  "\\u00e9\\"]": []\n}',
    );
    const long = `["${'x\\n'.repeat(200_000)}"]`;
    expect(indentJson(long)).toHaveLength(long.length + 4);
  });
});
