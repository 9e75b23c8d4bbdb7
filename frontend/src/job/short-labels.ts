/** Long names that differ in the middle: without what all of them share, they can be told apart. */

/** Names up to this many characters are shown as they are. */
const MAX_LENGTH = 26;

/**
 * What to call each name where there is little room. Where the longest is too long, as much as needed
 * is dropped of the end that all share, then of the beginning, each at a `.` `-` `_` `/` or `:`.
 */
export function shortLabels(names: readonly string[]): ReadonlyMap<string, string> {
  let excess = Math.max(0, ...names.map((name) => name.length)) - MAX_LENGTH;
  const until = names.length > 1 ? sharedPrefix(names.map(reversed), excess) : 0;
  excess -= until;
  const from =
    names.length > 1
      ? sharedPrefix(
          names.map((name) => name.slice(0, -until || undefined)),
          excess,
        )
      : 0;
  return new Map(
    names.map((name) => {
      const middle = name.slice(from, name.length - until);
      return [name, `${from ? '…' : ''}${middle}${until ? '…' : ''}`];
    }),
  );
}

/** How much of the beginning that all texts share to drop: `excess` and on to the next separator, or less. */
function sharedPrefix(texts: readonly string[], excess: number): number {
  if (excess <= 0) return 0;
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
