/** The code that is loaded later. */
export type Fallback = typeof import('./fallback.js');

/** Load what is only needed where no WebSocket gets through, and for `raw`. */
export function loadFallback(): Promise<Fallback> {
  return import('./fallback.js');
}
