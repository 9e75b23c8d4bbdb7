/** One line of output as a row of the page; built by hand, since there may be many. */

import { PLAIN, parseAnsi, stripAnsi } from '../client';
import { clock, exact } from '../text/format';
import type { Line } from './lines';

/** The row of a line; `from` adds which step it is of. */
export function lineRow(line: Line, from: boolean): HTMLElement {
  const row = span(`line is-${line.kind}`);
  const at = new Date(line.at);
  const number = span('line-seq', String(line.seq));
  number.title = `#${line.seq}, ${exact(at)}`;
  row.append(number, span('line-at', clock(at, true)));
  if (from) row.append(span('line-from', [line.target, line.step].filter(Boolean).join(' › ')));
  row.append(textOf(line));
  return row;
}

/** The line without its colours. */
export function plainText(line: Line): string {
  return line.ansi === PLAIN && !line.text.includes('\x1b')
    ? line.text
    : parseAnsi(line.text, line.ansi)
        .segments.map((one) => one.text)
        .join('');
}

function textOf(line: Line): HTMLElement {
  if (line.ansi === PLAIN && !line.text.includes('\x1b')) {
    return span('line-text', stripped(line.text));
  }
  const text = span('line-text');
  for (const segment of parseAnsi(line.text, line.ansi).segments) {
    text.append(segment.classes ? span(segment.classes, segment.text) : segment.text);
  }
  return text;
}

/** Without the other control characters; most lines have none. */
function stripped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\x00-\x08\x0b-\x1f\x7f]/.test(text) ? stripAnsi(text) : text;
}

function span(name: string, text?: string): HTMLElement {
  const element = document.createElement('span');
  element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}
