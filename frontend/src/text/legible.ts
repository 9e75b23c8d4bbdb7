/** Text of strangers as it can be read: as a terminal would show it, without controls. */

import { plainText } from '../client';

/** Return an event, or a part of one, with every text in it as a terminal would show it. */
export function stripControls<T>(value: T): T {
  if (typeof value === 'string') return plainText(value) as T;
  if (Array.isArray(value)) return value.map(stripControls) as T;
  if (!value || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, stripControls(one)]),
  ) as T;
}
