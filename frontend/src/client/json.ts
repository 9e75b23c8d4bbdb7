/** JSON that loses nothing: integers that no number of JavaScript's holds are bigints. */

import { parse, stringify } from 'lossless-json';

/** The only numbers in a text of Python's that `JSON.parse` rounds begin like this. */
const LONG_INTEGER = /(?:^|[:[,])\s*-?\d{16}/;
const INTEGER = /^-?\d+$/;
const MINUS_ZERO = { test: (value: unknown) => Object.is(value, -0), stringify: () => '-0.0' };

/**
 * Return the value of a JSON text; an integer past 2^53 is a bigint.
 *
 * @throws SyntaxError where it is none
 */
export function parseJson(text: string): unknown {
  // The careful parser takes many times as long, and is hardly ever needed.
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

/** Return the JSON text of a value, which may have bigints; `JSON.stringify` throws at those. */
export function jsonText(value: unknown, space?: number): string {
  return stringify(value, null, space, [MINUS_ZERO]) ?? 'null';
}

function parseNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) || !INTEGER.test(digits) ? number : BigInt(digits);
}
