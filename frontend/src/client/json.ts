/** JSON without loss: integers too long for a JavaScript number are bigints. */

/** Matches the beginning of all numbers in Python's JSON that `JSON.parse` would round. */
const LONG_INTEGER = /(?:^|[:[,])\s*-?\d{16}/;
/** The strings and numbers of a JSON text: what is within a string is no number. */
const TOKENS = /"(?:[^"\\]|\\.)*"|(-?\d{16,}(?![\d.eE]))|-?\d[\d.eE+-]*/g;

/**
 * Return the value of a JSON text; an integer past 2^53 is a bigint.
 *
 * @throws SyntaxError if the text is not JSON
 */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  const mark = newMark();
  const marked = text.replace(TOKENS, (token, long?: string) =>
    long ? `"${mark}${long}"` : token,
  );
  // A marked number that JSON does not allow, such as 0123…, is one there too.
  if (marked !== text) JSON.parse(text);
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? integer(value.slice(mark.length)) : value,
  );
}

/** Return the object that a JSON text is, or null for any other text. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Return the JSON text of a value, which may contain bigints, unlike for `JSON.stringify`. */
export function jsonText(value: unknown, space?: number): string {
  const mark = newMark();
  const marked = JSON.stringify(value, (_, one: unknown) => markNumber(one, mark), space);
  return (marked ?? 'null').replaceAll(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1');
}

function markNumber(value: unknown, mark: string): unknown {
  if (Object.is(value, -0)) return `${mark}-0.0`;
  return typeof value === 'bigint' ? `${mark}${value}` : value;
}

/** Return the beginning of a string that no text has by chance, and none by intent. */
function newMark(): string {
  return `${Math.random()}:`;
}

function integer(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}
