/** Shortens long names by what all of them share, so that they can be told apart. */

/** Names up to this length are not shortened. */
const MAX_LENGTH = 26;

/**
 * Return a short label for each name. If the longest is too long, drop as much as needed of the shared
 * end, then of the shared beginning, each up to a `.` `-` `_` `/` or `:`.
 */
export function shortLabels(names: readonly string[]): ReadonlyMap<string, string> {
  const excess = Math.max(0, ...names.map((name) => name.length)) - MAX_LENGTH;
  const until = sharedPrefix(names.map(reversed), excess);
  const heads = names.map((name) => name.slice(0, name.length - until));
  const from = sharedPrefix(heads, excess - until);
  return new Map(
    names.map((name) => {
      const middle = name.slice(from, name.length - until);
      return [name, `${from ? '…' : ''}${middle}${until ? '…' : ''}`];
    }),
  );
}

/** How much of the shared beginning to drop: `excess` up to the next separator, or less if it is short. */
function sharedPrefix(texts: readonly string[], excess: number): number {
  if (excess <= 0 || texts.length < 2) return 0;
  const [first = ''] = texts;
  let shared = first.length;
  for (const text of texts) {
    while (shared > 0 && text.slice(0, shared) !== first.slice(0, shared)) shared -= 1;
  }
  const ends = [...first.slice(0, shared).matchAll(/[.\-_/:]/g)].map((found) => found.index + 1);
  return ends.find((end) => end >= excess) ?? ends.at(-1) ?? 0;
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}
