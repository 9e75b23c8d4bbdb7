/** What typing into a field does beyond what the browser does by itself. */

import type { Entry } from './form';

const INTEGER = /^-?\d+$/;

/** Arrow up and down change a number by one, within its bounds, as a number field would. */
export function stepNumber(
  event: KeyboardEvent,
  entry: Entry,
  onShown: (text: string) => void,
): void {
  const up = { ArrowUp: true, ArrowDown: false }[event.key];
  const text = String(entry.value).trim() || '0';
  if (up === undefined || !Number.isFinite(Number(text))) return;
  event.preventDefault();
  const { minimum, maximum } = entry.control.schema;
  const next = INTEGER.test(text) ? BigInt(text) + (up ? 1n : -1n) : Number(text) + (up ? 1 : -1);
  if (up && maximum !== undefined && next > maximum) return;
  if (!up && minimum !== undefined && next < minimum) return;
  onShown(String(next));
}

/** Several lines pasted into a field of one, which would join them: tell the whole text instead. */
export function pasteLines(event: ClipboardEvent, onText: (text: string) => void): void {
  const lines = event.clipboardData?.getData('text/plain').replace(/\r\n?/g, '\n') ?? '';
  if (!lines.replace(/\n$/, '').includes('\n')) return;
  event.preventDefault();
  const { value, selectionStart, selectionEnd } = event.target as HTMLInputElement;
  const from = selectionStart ?? value.length;
  onText(value.slice(0, from) + lines + value.slice(selectionEnd ?? from));
}
