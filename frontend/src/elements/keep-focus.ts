/** Keeps the keyboard's place: when an update removes the focused element, another one takes the focus. */

import type { ReactiveControllerHost } from 'lit';

/** Focus `next(lost)` when an update of `host` has removed the focused element `lost`. */
export function keepFocus(
  host: ReactiveControllerHost & HTMLElement,
  next: (lost: HTMLElement) => HTMLElement | null | undefined,
): void {
  let last: HTMLElement | null = null;
  host.addEventListener('focusin', (event) => {
    last = event.target as HTMLElement;
  });
  host.addController({
    hostUpdated: () => {
      if (!last || last.isConnected || document.activeElement !== document.body) return;
      const lost = last;
      last = null;
      next(lost)?.focus({ preventScroll: true });
    },
  });
}
