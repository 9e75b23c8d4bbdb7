/** Keyboard shortcuts: elements register theirs, and `?` shows all that work on the page. */

import type { ReactiveControllerHost } from 'lit';
import { html } from '../text/html';
import { openDialog } from './dialog';

/** One shortcut: its keys, what it does in words, and the function to run. */
export interface Shortcut {
  readonly keys: readonly string[];
  readonly label: string;
  /** Returns false if there was nothing to do; the key then keeps its usual meaning. */
  readonly run: (event: KeyboardEvent) => boolean | undefined;
}

const HELP: Shortcut = { keys: ['?'], label: 'Show the keys of this page', run: showHelp };
/** What the palette listens for itself; here it is only named. */
const FIND: Shortcut = { keys: ['Ctrl K'], label: 'Find anything', run: () => false };
const active = new Set<readonly Shortcut[]>([[HELP, FIND]]);

/** Keep shortcuts active while their element is in the page; call this in its constructor. */
export function useShortcuts(host: ReactiveControllerHost, shortcuts: readonly Shortcut[]): void {
  host.addController({
    hostConnected: () => active.add(shortcuts),
    hostDisconnected: () => active.delete(shortcuts),
  });
}

/** Listen for keys; call this once per page. */
export function startShortcuts(): void {
  document.addEventListener('keydown', handleKey);
  for (const button of document.querySelectorAll('[data-keys]')) {
    button.addEventListener('click', showHelp);
  }
}

function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
  for (const shortcuts of [...active].reverse()) {
    const hit = shortcuts.find((shortcut) => shortcut.keys.includes(event.key));
    if (hit && hit.run(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

/** Whether keys go to a field at present. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio'].includes(target.type);
  return target.isContentEditable || target.matches('textarea, select');
}

function showHelp(): undefined {
  openDialog(
    'Keys of this page',
    html`<dl class="keys">${[...active]
      .reverse()
      .flat()
      .map(
        ({ keys, label }) =>
          html`<dt>${keys.map((key) => html`<kbd>${KEY_NAMES[key] ?? key}</kbd>`)}</dt><dd>${label}</dd>`,
      )}</dl>
      <div class="dialog-acts"><button class="button">Close</button></div>`,
  );
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  ' ': 'Space',
};

/** Move the focus among `items` by `by`, from outside them to the first. Returns whether there was one. */
export function moveFocus(items: readonly HTMLElement[], by: number): boolean {
  const index = items.indexOf(document.activeElement as HTMLElement);
  const next = items[index < 0 ? 0 : Math.min(items.length - 1, Math.max(0, index + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return next !== undefined;
}
