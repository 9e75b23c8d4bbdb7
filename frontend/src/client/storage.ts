/** What a browser keeps for pages: where it is denied, or full, as long as the page lives. */
export type Area = 'localStorage' | 'sessionStorage';

const ownCopies = new Map<string, string>();

/** Return what was kept under `key`, or null. */
export function recall(area: Area, key: string): string | null {
  return ownCopies.get(`${area}/${key}`) ?? tryStorage(area, (storage) => storage.getItem(key));
}

/** Keep `value` under `key`, as far as the browser lets the page. */
export function keep(area: Area, key: string, value: string): void {
  const isKept = tryStorage(area, (storage) => {
    storage.setItem(key, value);
    return storage.getItem(key) === value;
  });
  if (isKept) ownCopies.delete(`${area}/${key}`);
  else ownCopies.set(`${area}/${key}`, value);
}

/** Reading the property itself may throw, be null, or give something that an extension has put there. */
function tryStorage<T>(area: Area, use: (storage: Storage) => T): T | null {
  try {
    return use(globalThis[area]) ?? null;
  } catch {
    return null;
  }
}
