/** Copies and downloads lines, page by page: the text of a whole log is never in the page's memory. */

import { copyText } from '../elements/copy';
import { pageOf } from './history-pages';
import { isInRange, type LineRange, linesAsText } from './log-lines';
import type { LogPages } from './log-pages';
import type { LogRows } from './log-rows';

/** A clipboard takes more, but few programs into which one pastes. */
const MAX_COPY = 32_000_000;
/** The text that is collected before the browser gets it to keep, perhaps on its disk. */
const PART = 4_000_000;

/** What to copy or download, and how. */
export interface LinesToSave {
  readonly pages: LogPages;
  readonly rows: LogRows;
  /** Null for all that is shown. */
  readonly range: LineRange | null;
  readonly times: boolean;
  readonly from: boolean;
  readonly file: string;
}

type Report = (words: string) => void;

/** Copy lines. Returns what came of it, in words. */
export async function copyLines(what: LinesToSave): Promise<string> {
  let text = '';
  try {
    for await (const part of textOf(what)) {
      text += part;
      if (text.length > MAX_COPY) return 'Too long: download it';
    }
  } catch {
    return 'Could not copy';
  }
  return (await copyText(text)) ? 'Copied' : 'Could not copy';
}

/** Download lines as a file. Returns what came of it, in words; `report` is told how far it is. */
export async function downloadLines(what: LinesToSave, report: Report): Promise<string> {
  const parts: Blob[] = [];
  let text = '';
  try {
    for await (const part of textOf(what, (share) => report(`Reading, ${share} %`))) {
      text += part;
      if (text.length < PART) continue;
      parts.push(new Blob([text]));
      text = '';
    }
  } catch {
    return 'Could not read the log';
  }
  saveFile(new Blob([...parts, text], { type: 'text/plain' }), what.file);
  return '';
}

function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The text of the lines, a page at a time. Throws what `callApi` throws. */
async function* textOf(
  { pages, rows, range, times, from }: LinesToSave,
  onShare: (percent: number) => void = () => undefined,
): AsyncGenerator<string> {
  await rows.whenFiltered();
  const first = range ? pageOf(range[0].seq) : 0;
  const last = range ? pageOf(range[1].seq) : rows.count - 1;
  for (let page = first; page <= Math.min(last, rows.count - 1); page += 1) {
    if (!rows.expected(page)) continue;
    const lines = (await pages.load(page)).filter(
      (line) => rows.includes(line) && (!range || isInRange(line, range)),
    );
    yield linesAsText(lines, times, from);
    if (last - first > 20) onShare(Math.round((100 * (page - first)) / (last - first)));
  }
}
