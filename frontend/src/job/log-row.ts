/** The rows of the log, and the text of a selection in them. */

import { lineName, type Segment } from '../client';
import { reveal } from '../text/characters';
import { clockTime, count, exactTime } from '../text/format';
import type { LogLine } from './log-lines';

/** More characters in a line would make the page slow; copies and downloads have all of them. */
const MAX_CHARACTERS = 10_000;

/** Create the row of a line; `from` adds its target and step. */
export function createLogRow(line: LogLine, from: boolean): HTMLElement {
  const row = span(`line is-${line.kind}`);
  const at = new Date(line.at);
  const name = lineName(line);
  row.dataset.line = name;
  row.append(lineLink(name, at), span('line-at', clockTime(at, true)));
  const place = [line.target, line.step].filter(Boolean).join(' › ');
  if (from) row.append(span('line-from', reveal(place)));
  row.append(span('line-text'));
  updateLogRow(row, line);
  return row;
}

/** Update a row to its line's text. Unchanged text keeps its nodes, and so its selection. */
export function updateLogRow(row: HTMLElement, line: LogLine): void {
  const text = row.querySelector('.line-text');
  if (!text) return;
  const { segments, more } = line.content.segments(MAX_CHARACTERS);
  const shown = segments.map((one) => ({ ...one, text: reveal(one.text) }));
  shown.forEach((segment, i) => {
    const node = text.childNodes[i];
    if (!node || !extendNode(node, segment)) {
      const made = segment.classes ? span(segment.classes, segment.text) : segment.text;
      if (node) node.replaceWith(made);
      else text.append(made);
    }
  });
  while (text.childNodes.length > segments.length) text.lastChild?.remove();
  if (more) text.append(span('line-more', `… ${count(more)} more characters`));
}

/** Append to a node if its text is a prefix of the segment; return false otherwise. */
function extendNode(node: ChildNode, { text, classes }: Segment): boolean {
  const [own, inner] = node instanceof HTMLElement ? [node.className, node.firstChild] : ['', node];
  if (own !== classes || !(inner instanceof Text) || !text.startsWith(inner.data)) return false;
  if (text.length > inner.length) inner.appendData(text.slice(inner.length));
  return true;
}

function lineLink(name: string, at: Date): HTMLElement {
  const link = document.createElement('a');
  link.className = 'line-seq';
  link.href = `#log/${name}`;
  link.textContent = name;
  link.title = `#${name}, ${exactTime(at)}`;
  link.tabIndex = -1;
  return link;
}

function span(name: string, text?: string): HTMLElement {
  const element = document.createElement('span');
  element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * Return the selected text if it includes a line that is shown cut, with the whole of that line; null if
 * the browser's own copy is right. `whole` returns the text of a row's line.
 */
export function selectedText(
  body: HTMLElement,
  whole: (row: HTMLElement) => string,
): string | null {
  const selection = getSelection();
  if (!selection?.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const rows = [...body.querySelectorAll<HTMLElement>('.line')];
  const selected = rows.filter((row) => range.intersectsNode(row));
  if (!selected.some((row) => includesCutText(row, range))) return null;
  return selected.map((row) => selectedPart(row, range, whole)).join('\n');
}

function includesCutText(row: HTMLElement, range: Range): boolean {
  const more = row.querySelector('.line-more');
  return more !== null && range.intersectsNode(more);
}

function selectedPart(row: HTMLElement, range: Range, whole: (row: HTMLElement) => string): string {
  const text = row.querySelector('.line-text');
  if (!text) return '';
  const part = document.createRange();
  part.selectNodeContents(text);
  const more = text.querySelector('.line-more');
  if (more) part.setEndBefore(more);
  const rest = includesCutText(row, range) ? whole(row).slice(part.toString().length) : '';
  if (text.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
  if (text.contains(range.endContainer) && !rest) part.setEnd(range.endContainer, range.endOffset);
  return part.toString() + rest;
}
