/** JSON without loss: integers too long for a JavaScript number are bigints. */

import { parse, stringify } from 'lossless-json';

/** Matches the beginning of all numbers in Python's JSON that `JSON.parse` would round. */
const LONG_INTEGER = /(?:^|[:[,])\s*-?\d{16}/;
const INTEGER = /^-?\d+$/;
const MINUS_ZERO = { test: (value: unknown) => Object.is(value, -0), stringify: () => '-0.0' };

/**
 * Return the value of a JSON text; an integer past 2^53 is a bigint.
 *
 * @throws SyntaxError if the text is not JSON
 */
export function parseJson(text: string): unknown {
  // The lossless parser is many times slower, and rarely needed.
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

/** Return the object that a JSON text is, or null for any other text. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Return the JSON text of a value, which may contain bigints, unlike for `JSON.stringify`. */
export function jsonText(value: unknown, space?: number): string {
  return stringify(value, null, space, [MINUS_ZERO]) ?? 'null';
}

function parseNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) || !INTEGER.test(digits) ? number : BigInt(digits);
}
