/** Copying: text to the clipboard, and ids that are copied by a click. */

import { shortId } from '../text/format';

/** Put `text` on the clipboard; returns whether that worked. Also without a secure context. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return copyBySelection(text);
    throw error;
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'away';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** `<reprise-id value="…">`: an id, shortened; a click copies the whole. */
export class CopyableId extends HTMLElement {
  static readonly observedAttributes = ['value'];
  private readonly button = document.createElement('button');

  connectedCallback(): void {
    this.button.type = 'button';
    this.button.className = 'copy mono';
    this.button.onclick = () => void this.copy();
    this.replaceChildren(this.button);
    this.show();
  }

  attributeChangedCallback(): void {
    this.show();
  }

  private show(): void {
    const value = this.getAttribute('value') ?? '';
    this.button.textContent = `#${shortId(value)}`;
    this.button.title = `${value}: click to copy`;
  }

  private async copy(): Promise<void> {
    const done = await copyText(this.getAttribute('value') ?? '');
    this.button.textContent = done ? 'copied' : 'could not copy';
    setTimeout(() => this.show(), 1500);
  }
}

customElements.define('reprise-id', CopyableId);
