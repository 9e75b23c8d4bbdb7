/** Keeps a list that the server has rendered up to date: it is read again every few seconds. */

const EVERY_MS = 5000;

/**
 * `<reprise-live-list>`: replaces the parts in it that have `data-live` by those of the same name in a
 * fresh answer of this address. Nothing is replaced in a hidden tab, or while the answer is the same.
 */
class LiveList extends HTMLElement {
  private timer: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    this.timer = setInterval(() => void this.refresh(), EVERY_MS);
    document.addEventListener('visibilitychange', this.refresh);
  }

  disconnectedCallback(): void {
    clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.refresh);
  }

  private readonly refresh = async (): Promise<void> => {
    if (document.hidden || this.querySelector('details[open]')) return;
    const fresh = await readPage();
    for (const part of this.querySelectorAll<HTMLElement>('[data-live]')) {
      const next = fresh?.querySelector(`[data-live="${part.dataset.live}"]`);
      if (next && !next.isEqualNode(sources.get(part) ?? null))
        replacePart(part, next as HTMLElement);
    }
  };
}

/** What a part was made of: elements inside it change their own content. */
const sources = new WeakMap<Element, Element>();

async function readPage(): Promise<Document | null> {
  try {
    const answer = await fetch(location.href, { credentials: 'same-origin' });
    // The session has ended, or the list is gone: the page stays as it was.
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  } catch {
    return null;
  }
}

function replacePart(part: HTMLElement, next: HTMLElement): void {
  const focused = part.contains(document.activeElement) ? pathOf(document.activeElement) : null;
  const made = document.importNode(next, true);
  sources.set(made, next);
  part.replaceWith(made);
  if (focused) made.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
}

/** A selector of the link that has the focus. */
function pathOf(element: Element | null): string | null {
  const address = element?.getAttribute('href');
  return address ? `[href="${CSS.escape(address)}"]` : null;
}

customElements.define('reprise-live-list', LiveList);
