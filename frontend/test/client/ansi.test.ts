import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnsiState, PLAIN, parseAnsi, type Segment, stripAnsi } from '../../src/client';

const ESC = '\u001b';

/** `text|classes` of each segment. */
function shown(...chunks: string[]): string[] {
  return join(chunks).map(({ text, classes }) => (classes ? `${text}|${classes}` : text));
}

/** The segments of chunks that follow each other, neighbours of one look made one. */
function join(chunks: readonly string[]): Segment[] {
  let state: AnsiState = PLAIN;
  const joined: Segment[] = [];
  for (const chunk of chunks) {
    const parsed = parseAnsi(chunk, state);
    state = parsed.state;
    for (const segment of parsed.segments) {
      const last = joined.at(-1);
      if (last?.classes === segment.classes) {
        joined[joined.length - 1] = { ...last, text: last.text + segment.text };
      } else joined.push(segment);
    }
  }
  return joined;
}

describe('SGR', () => {
  it.each([
    ['31mred', 'red|ansi-red'],
    ['1;32mx', 'x|ansi-green ansi-bold'],
    ['97;104mx', 'x|ansi-bright-white ansi-bg-bright-blue'],
    ['2;3;4mx', 'x|ansi-dim ansi-italic ansi-underline'],
    ['38;5;9mx', 'x|ansi-bright-red'],
    ['38;5;21mx', 'x|ansi-blue'],
    ['48;5;250mx', 'x|ansi-bg-white'],
    ['38;2;250;250;10mx', 'x|ansi-bright-yellow'],
    ['38:2::0:200:0mx', 'x|ansi-green'],
    ['38:2:0:200:0mx', 'x|ansi-green'],
    ['38:5:1mx', 'x|ansi-red'],
    ['38;5;1;4mx', 'x|ansi-red ansi-underline'],
    ['4:3mx', 'x|ansi-underline'],
    ['4;4:0mx', 'x'],
    ['38;5;999mx', 'x'],
    ['38;2;1mx', 'x'],
    ['999;5;7mx', 'x'],
  ])('%s', (sequence, expected) => {
    expect(shown(`${ESC}[${sequence}`)).toEqual([expected]);
  });

  it('takes back', () => {
    const text = `${ESC}[1;3;4;31;42ma${ESC}[22;23;24mb${ESC}[39mc${ESC}[49md${ESC}[35me${ESC}[mf`;
    expect(shown(text)).toEqual([
      'a|ansi-red ansi-bg-green ansi-bold ansi-italic ansi-underline',
      'b|ansi-red ansi-bg-green',
      'c|ansi-bg-green',
      'd',
      'e|ansi-magenta',
      'f',
    ]);
  });

  it('goes on in the next chunk, whole or cut', () => {
    expect(shown(`${ESC}[31mone `, 'two')).toEqual(['one two|ansi-red']);
    expect(shown('a', `${ESC}`, '[3', '1', 'mb')).toEqual(['a', 'b|ansi-red']);
  });
});

describe('what is not shown', () => {
  it.each([
    ['cursor movements', `a${ESC}[2Kb${ESC}[10;5Hc${ESC}[?25ld${ESC}[1 qe`, 'abcde'],
    [
      'titles and links',
      `a${ESC}]0;title\u0007b${ESC}]8;;http://x${ESC}\\c${ESC}]8;;\u009cd`,
      'abcd',
    ],
    ['device strings', `a${ESC}Pq#0;2;0;0;0${ESC}\\b${ESC}_x${ESC}\\c`, 'abc'],
    ['character sets and keypad modes', `a${ESC}(Bb${ESC}=c${ESC}7d`, 'abcd'],
    ['control characters', 'a\u0000b\u0008c\u007fd\u0085e\tf\r\ng', 'abcde\tf\r\ng'],
    ['eight-bit sequences', 'a\u009b31mb', 'ab'],
    ['a sequence broken off', `a${ESC}[31\nb`, 'a\nb'],
    ['a private SGR', `a${ESC}[?1mb${ESC}[>4;2mc`, 'abc'],
  ])('%s', (_, text, expected) => {
    expect(stripAnsi(text)).toBe(expected);
  });

  it('does not swallow output for a string that never ends', () => {
    const text = `${ESC}]0;${'x'.repeat(5000)}`;
    expect(stripAnsi(text)).toBe(`0;${'x'.repeat(5000)}`);
  });
});

describe('properties', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom(ESC, '[', ']', ';', ':', 'm', '\u0007', '\\', '\u009b', '<b>'),
    fc.array(fc.nat(120), { maxLength: 5 }).map((codes) => `${ESC}[${codes.join(';')}m`),
  );
  const text = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));

  it('gives the same however the text is split', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), (whole, cuts) => {
        const chunks: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.slice(at, at + cut));
          at += cut;
        }
        expect(join([...chunks, whole.slice(at)])).toEqual(join([whole]));
      }),
      { numRuns: 500 },
    );
  });

  it('shows no control character and gives no class but its own', () => {
    fc.assert(
      fc.property(text, (whole) => {
        for (const { text: part, classes } of parseAnsi(whole).segments) {
          for (const char of part) {
            const code = char.charCodeAt(0);
            expect((code >= 32 && (code < 127 || code > 159)) || '\t\r\n'.includes(char)).toBe(
              true,
            );
          }
          expect(classes).toMatch(/^(ansi-[a-z-]+( |$))*$/);
        }
      }),
    );
  });
});
