/** Long names that differ in the middle: without what all of them share, they can be told apart. */

/** Names up to this many characters are shown as they are. */
const LONG = 26;

/**
 * What to call each name where there is little room. Where the longest is too long, the end that all
 * share is dropped, then the beginning, each at a `.` `-` `_` `/` or `:`.
 */
export function labels(names: readonly string[]): ReadonlyMap<string, string> {
  let [from, until] = [0, 0];
  const longest = () => Math.max(0, ...names.map((name) => name.length)) - from - until;
  if (names.length > 1 && longest() > LONG) {
    until = shared(names.map((name) => [...name].reverse().join('')));
    if (longest() > LONG) from = shared(names.map((name) => name.slice(0, name.length - until)));
  }
  return new Map(
    names.map((name) => {
      const middle = name.slice(from, name.length - until);
      return [name, middle && `${from ? '…' : ''}${middle}${until ? '…' : ''}`];
    }),
  );
}

/** The length of the beginning that all texts share, cut back to where a part of the name ends. */
function shared(texts: readonly string[]): number {
  const [first = ''] = texts;
  let length = first.length;
  for (const text of texts) {
    while (length > 0 && text.slice(0, length) !== first.slice(0, length)) length -= 1;
  }
  while (length > 0 && !/[.\-_/:]/.test(first[length - 1] ?? '')) length -= 1;
  return length;
}
