/** Keyboard shortcuts: elements name theirs, `?` shows all that are alive on the page. */

/** One shortcut: the keys that do it, in words what it does, and the doing. */
export interface Shortcut {
  readonly keys: readonly string[];
  readonly label: string;
  /** Returns false where there was nothing to do; the key then keeps its usual meaning. */
  readonly run: (event: KeyboardEvent) => boolean | undefined;
}

const active = new Set<readonly Shortcut[]>();

/** Listen for these shortcuts until the returned function is called. */
export function addShortcuts(shortcuts: readonly Shortcut[]): () => void {
  active.add(shortcuts);
  return () => active.delete(shortcuts);
}

/** Start to hear keys, and let `?` show the help. Once a page. */
export function startShortcuts(): void {
  document.addEventListener('keydown', handleKey);
  addShortcuts([{ keys: ['?'], label: 'Show the keys of this page', run: showHelp }]);
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

/** Whether the keys belong to a field just now. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio'].includes(target.type);
  return target.isContentEditable || target.matches('textarea, select');
}

function showHelp(): undefined {
  const dialog = document.createElement('dialog');
  dialog.append(heading('Keys of this page'), shortcutList());
  const acts = document.createElement('form');
  acts.method = 'dialog';
  acts.className = 'dialog-acts';
  const close = document.createElement('button');
  close.className = 'button';
  close.textContent = 'Close';
  acts.append(close);
  dialog.append(acts);
  dialog.setAttribute('aria-label', 'Keys of this page');
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function heading(text: string): HTMLElement {
  const h2 = document.createElement('h2');
  h2.textContent = text;
  return h2;
}

function shortcutList(): HTMLElement {
  const dl = document.createElement('dl');
  dl.className = 'keys';
  for (const shortcut of [...active].reverse().flat()) {
    const dt = document.createElement('dt');
    for (const key of shortcut.keys) {
      const kbd = document.createElement('kbd');
      kbd.textContent = KEY_NAMES[key] ?? key;
      dt.append(kbd);
    }
    const dd = document.createElement('dd');
    dd.textContent = shortcut.label;
    dl.append(dt, dd);
  }
  return dl;
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  ' ': 'Space',
};

/** Move the focus among `items` by `by`; from outside them to the first. Returns whether it moved. */
export function moveFocus(items: readonly HTMLElement[], by: number): boolean {
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = items[at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return next !== undefined;
}
