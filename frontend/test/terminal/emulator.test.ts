import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emulated } from './emulator';
import { columns, lines } from './shown';

const ESC = '\u001b';
const colour = fc.oneof(
  fc.nat(15).map((n) => (n < 8 ? `3${n}` : `9${n - 8}`)),
  fc.nat(15).map((n) => (n < 8 ? `4${n}` : `10${n - 8}`)),
  fc.tuple(fc.constantFrom('38', '48', '58'), fc.nat(255)).map(([of, n]) => `${of};5;${n}`),
  fc.tuple(fc.constantFrom('38', '48', '58'), fc.nat(255)).map(([of, n]) => `${of}:5:${n}`),
  fc
    .tuple(fc.constantFrom('38', '48', '58'), fc.constantFrom(';2;', ':2::'), fc.nat(255))
    .map(([of, by, n]) => `${of}${by}${[n, 255 - n, n >> 1].join(by.charAt(0))}`),
);
const code = fc.oneof(
  colour,
  fc.constantFrom('0', '', '1', '2', '3', '4', '4:0', '4:3', '7', '9', '21'),
  fc.constantFrom('22', '23', '24', '27', '29', '39', '49', '59'),
);
const sgr = fc.array(code, { maxLength: 3 }).map((codes) => `${ESC}[${codes.join(';')}m`);
const printed = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom('世', '世界', '🎮', 'e\u0301', 'é', '─', ' ', 'ab'),
);
const moved = fc.oneof(
  fc.constantFrom('\r', '\b', '\t', '\n', '\r\n', '\v', '\f', `${ESC}E`, '\u0085'),
  fc
    .tuple(fc.constantFrom('C', 'a', 'D', 'G', '`', 'X'), fc.nat(20))
    .map(([f, n]) => `${ESC}[${n}${f}`),
  fc
    .constantFrom('K', '0K', '1K', '2K', 'J', '0J', 'C', 'D', 'G')
    .map((final) => `${ESC}[${final}`),
  fc.constantFrom('\u009bK', '\u009b2D', '\u009b31m'),
);
const unseen = fc.constantFrom(
  `${ESC}]0;a title\u0007`,
  `${ESC}]52;c;YQ==${ESC}\\`, // not a link: xterm.js underlines those
  `${ESC}]8;;\u009c`,
  '\u009d2;title\u009c',
  `${ESC}P1$r0m${ESC}\\`,
  `${ESC}Xsaid${ESC}\\`,
  `${ESC}^private${ESC}\\`,
  `${ESC}_Gi=1${ESC}\\`,
  `${ESC}(B`,
  `${ESC}[m${ESC}(B`,
  `${ESC}[?25l`,
  `${ESC}[>4;2m`,
  `${ESC}[?1;31m`,
  `${ESC}[1 q`,
  `${ESC}=`,
  '\u0007',
  '\u0000',
  '\u007f',
  `${ESC}[31\u0018`,
);
const kept = printed.map((text) => `${ESC}7${text}${ESC}8`);
// xterm.js forgets to save an underline's style and colour.
const simple = fc.constantFrom('31', '1;42', '7').map((codes) => `${ESC}[${codes}m`);
const saved = fc.tuple(printed, simple).map(([text, look]) => `${ESC}[s${look}${text}${ESC}[u`);
const piece = fc.oneof(
  { weight: 4, arbitrary: printed },
  { weight: 3, arbitrary: moved },
  { weight: 2, arbitrary: sgr },
  { weight: 1, arbitrary: fc.oneof(unseen, kept, saved) },
);

/** The same text in chunks, cut anywhere. */
function cut(text: string, cuts: readonly number[]): string[] {
  const ends = [...cuts.map((each) => each % (text.length + 1)), text.length].sort((a, b) => a - b);
  return ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end));
}

const output = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
const cuts = fc.array(fc.nat(200), { maxLength: 8 });

describe('our terminal', () => {
  it('shows what xterm.js shows, in its colours', async () => {
    await fc.assert(
      fc.asyncProperty(output, cuts, async (text, at) => {
        const rows = await emulated(cut(text, at));
        const found = lines(cut(text, at)).map(columns);
        // A tab at the end of a line is kept as one; nothing can be seen of it.
        const seen = (all: readonly { text: string }[]) => all.map((row) => row.text.trimEnd());
        expect(seen(rows.map((_, row) => found[row] ?? { text: '' }))).toEqual(seen(rows));
        expect(found.length).toBeLessThanOrEqual(rows.length);
        for (const [at, { looks }] of rows.entries()) {
          looks.forEach((look, column) => {
            if (look !== null) expect(found[at]?.looks[column]).toBe(look);
          });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('shows the same however the text is cut into chunks', () => {
    const anything = fc
      .array(
        fc.oneof(
          piece,
          fc.string({ unit: 'binary', maxLength: 6 }),
          fc.constantFrom(
            ESC,
            '[',
            ']',
            ';',
            ':',
            'm',
            'P',
            '\u0090',
            '\u009b',
            '\ud83d',
            '\ude00',
            `${ESC}[5A`,
            `${ESC}[3;7H`,
          ),
        ),
        { maxLength: 30 },
      )
      .map((pieces) => pieces.join(''));
    const seen = (chunks: string[]) => lines(chunks).map((line) => line.segments());
    fc.assert(
      fc.property(anything, cuts, (text, at) => {
        expect(seen(cut(text, at))).toEqual(seen([text]));
      }),
      { numRuns: 500 },
    );
  });

  it('lets no control through but tabs, and no class but its own', () => {
    const anything = fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 20 });
    fc.assert(
      fc.property(anything, (chunks) => {
        for (const line of lines(chunks)) {
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
          expect(line.text).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
          for (const { classes } of line.segments().segments) {
            expect(classes).toMatch(/^(ansi-[a-z-]+( |$))*$/);
          }
        }
      }),
    );
  });
});
