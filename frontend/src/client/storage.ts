/** The browser's storage. If it is denied or full, values are kept while the page is open. */
export type Area = 'localStorage' | 'sessionStorage';

const ownCopies = new Map<string, string>();

/** Return the value of `key`, or null. */
export function recall(area: Area, key: string): string | null {
  return ownCopies.get(`${area}/${key}`) ?? tryStorage(area, (storage) => storage.getItem(key));
}

/** Store `value` under `key`. */
export function keep(area: Area, key: string, value: string): void {
  const isKept = tryStorage(area, (storage) => {
    storage.setItem(key, value);
    return storage.getItem(key) === value;
  });
  if (isKept) ownCopies.delete(`${area}/${key}`);
  else ownCopies.set(`${area}/${key}`, value);
}

/** Use a storage; null if that fails. Even reading the property may throw, or return null. */
export function tryStorage<T>(area: Area, use: (storage: Storage) => T): T | null {
  try {
    return use(globalThis[area]) ?? null;
  } catch {
    return null;
  }
}
