/** What xterm.js makes of the same chunks: the measure of what we claim. */

import { Unicode11Addon } from '@xterm/addon-unicode11';
import headless, { type IBufferCell, type IBufferLine } from '@xterm/headless';
import { classesOf, PLAIN, type Style } from '../../src/client/ansi';

/** A row: its text as the emulator would copy it, and how each column of it looks that is not blank. */
export interface Row {
  readonly text: string;
  readonly looks: readonly (string | null)[];
}

/** Wider and higher than anything that is tried: lines do not wrap here, and nothing scrolls away. */
const OPTIONS = { cols: 600, rows: 300, convertEol: true, logLevel: 'off' } as const;

/** Return the rows down to the cursor's. */
export async function emulated(chunks: readonly string[]): Promise<Row[]> {
  const terminal = new headless.Terminal({ ...OPTIONS, allowProposedApi: true });
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  for (const chunk of chunks) await new Promise<void>((done) => terminal.write(chunk, done));
  const { active } = terminal.buffer;
  const rows: Row[] = [];
  for (let at = 0; at <= active.baseY + active.cursorY; at += 1) {
    const line = active.getLine(at);
    if (line) rows.push({ text: line.translateToString(true), looks: looksOf(line) });
  }
  terminal.dispose();
  return rows;
}

function looksOf(line: IBufferLine): (string | null)[] {
  const looks: (string | null)[] = [];
  for (let x = 0; x < line.length; x += 1) {
    const cell = line.getCell(x);
    looks.push(cell?.getChars().trim() ? classesOf(styleOf(cell)) : null);
  }
  return looks;
}

function styleOf(cell: IBufferCell): Style {
  const colour = (code: number, palette: boolean, rgb: boolean): Style['fg'] => {
    if (palette) return code;
    return rgb ? [code >> 16, (code >> 8) & 255, code & 255] : null;
  };
  return {
    ...PLAIN,
    fg: colour(cell.getFgColor(), cell.isFgPalette(), cell.isFgRGB()),
    bg: colour(cell.getBgColor(), cell.isBgPalette(), cell.isBgRGB()),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
    strike: cell.isStrikethrough() !== 0,
    inverse: cell.isInverse() !== 0,
  };
}
