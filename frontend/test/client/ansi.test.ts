import { describe, expect, it } from 'vitest';
import { lines, styled } from '../terminal/shown';

const ESC = '\u001b';

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
    ['999;5;7mx', 'x|ansi-bg-text'],
    ['7;31mx', 'x|ansi-bg-red'],
    ['7;31;42mx', 'x|ansi-green ansi-bg-red'],
    ['9mx', 'x|ansi-strike'],
    ['58;5;31mx', 'x'],
    ['58;2;255;0;0;31mx', 'x|ansi-red'],
    ['58:5:31;31mx', 'x|ansi-red'],
  ])('%s', (sequence, expected) => {
    expect(lines([`${ESC}[${sequence}`]).map(styled)).toEqual([[expected]]);
  });

  it('takes back', () => {
    const text = `${ESC}[1;3;4;31;42ma${ESC}[22;23;24mb${ESC}[39mc${ESC}[49md${ESC}[35me${ESC}[mf`;
    expect(lines([text]).flatMap(styled)).toEqual([
      'a|ansi-red ansi-bg-green ansi-bold ansi-italic ansi-underline',
      'b|ansi-red ansi-bg-green',
      'c|ansi-bg-green',
      'd',
      'e|ansi-magenta',
      'f',
    ]);
  });
});
