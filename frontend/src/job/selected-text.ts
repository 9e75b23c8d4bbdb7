/** What a selection in a log stands for. */

/**
 * Return the text of the selection where a line is in it that the page shows cut, with all of that line;
 * null where the browser copies the right thing by itself. `whole` is the text of a row's line.
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
