/** Loads a kind with all its choices: an answer has the first ones of a long list. */

import { callApi, type Kind } from '../elements/api';
import type { Option } from './schema';

interface ChoicesAnswer {
  readonly options: readonly Option[];
  /** Where the following ones begin; null on the last page. */
  readonly next: number | null;
}

/** Return the kind of this name; undefined if this user cannot see it. */
export async function loadKind(name: string): Promise<Kind | undefined> {
  const query = new URLSearchParams({ name });
  const { kinds } = await callApi<{ kinds: readonly Kind[] }>(`/api/kinds?${query}`);
  const [kind] = kinds;
  if (!kind) return undefined;
  const more = new Map<string, readonly Option[]>();
  for (const [choices, after] of cutLists(kind.schema)) {
    more.set(choices, await loadChoices(name, choices, after));
  }
  return { ...kind, schema: completeLists(kind.schema, more) };
}

async function loadChoices(kind: string, name: string, after: number): Promise<Option[]> {
  const found: Option[] = [];
  for (let next: number | null = after; next !== null; ) {
    const query = new URLSearchParams({ kind, name, after: String(next) });
    const answer: ChoicesAnswer = await callApi(`/api/choices?${query}`);
    found.push(...answer.options);
    next = answer.next;
  }
  return found;
}

/** Find the lists that go on: their names, and where. */
function cutLists(value: unknown, found = new Map<string, number>()): ReadonlyMap<string, number> {
  if (typeof value !== 'object' || value === null) return found;
  const { 'x-choices': name, 'x-options-next': next } = value as Record<string, unknown>;
  if (typeof name === 'string' && next !== undefined) found.set(name, Number(next));
  for (const each of Object.values(value)) cutLists(each, found);
  return found;
}

/** Return the schema with its cut lists completed. */
function completeLists<T>(value: T, more: ReadonlyMap<string, readonly Option[]>): T {
  if (typeof value !== 'object' || value === null || more.size === 0) return value;
  if (Array.isArray(value)) return value.map((each) => completeLists(each, more)) as T;
  const { 'x-options-next': next, ...rest } = value as Record<string, unknown>;
  const made = Object.fromEntries(
    Object.entries(rest).map(([name, each]) => [name, completeLists(each, more)]),
  );
  const added = next === undefined ? undefined : more.get(String(made['x-choices']));
  const shown = made['x-options'];
  if (added && Array.isArray(shown)) made['x-options'] = [...shown, ...added];
  return made as T;
}
