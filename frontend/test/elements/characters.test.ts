import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reveal, revealJson } from '../../src/text/characters';

interface Case {
  readonly name: string;
  readonly text: string;
  readonly shown: string;
}

const path = new URL('../../../tests/support/characters/cases.json', import.meta.url);
const cases: Case[] = JSON.parse(readFileSync(path, 'utf8'));

describe('hidden characters', () => {
  it.each(cases)('$name', ({ text, shown }) => {
    expect(reveal(text)).toBe(shown);
  });

  it('is escaped in JSON text', () => {
    const text = JSON.stringify({ a: 'x\u202ey\u{e0041}\n', b: [1, '👩\u200d💻'] }, null, 2);
    expect(revealJson(text)).toContain('"x\\u202ey\\udb40\\udc41\\n"');
    expect(JSON.parse(revealJson(text))).toEqual(JSON.parse(text));
  });

  it('leaves nothing to reveal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = reveal(text);
        expect(reveal(shown)).toBe(shown);
        expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\u00ad]/);
      }),
    );
  });
});
