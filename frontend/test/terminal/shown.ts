/** Our own terminal as the tests look at it. */

import { eastAsianWidth } from 'get-east-asian-width';
import { type JobEvent, Terminal, TerminalLine } from '../../src/client';
import { LineReader, type LogLine, REACH } from '../../src/job/log-lines';

/** Return the lines that these chunks make. */
export function lines(chunks: readonly string[]): TerminalLine[] {
  const found: TerminalLine[] = [];
  const terminal = new Terminal(() => {
    const line = new TerminalLine();
    found.push(line);
    return line;
  });
  for (const chunk of chunks) terminal.write(chunk);
  terminal.end();
  return found;
}

/** Return the lines of a log that is read from its first event. */
export function logLines(events: readonly JobEvent[], reach = REACH): LogLine[] {
  const found: LogLine[] = [];
  new LineReader((line) => found.push(line), reach).take(events);
  return found;
}

/** Return `text|classes` of each segment of a line. */
export function styled(line: TerminalLine): string[] {
  return line
    .segments()
    .segments.map(({ text, classes }) => (classes ? `${text}|${classes}` : text));
}

/** Return a line as columns: its text with blanks for tabs, and the look of each column. */
export function columns(line: TerminalLine): { text: string; looks: string[] } {
  let text = '';
  const looks: string[] = [];
  for (const segment of line.segments().segments) {
    for (const character of segment.text) {
      const width = character === '\t' ? 8 - (looks.length % 8) : widthOf(character);
      text += character === '\t' ? ' '.repeat(width) : character;
      for (let cell = 0; cell < width; cell += 1) looks.push(segment.classes);
    }
  }
  return { text, looks };
}

function widthOf(character: string): number {
  return /[\p{M}\p{Cf}]/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}
