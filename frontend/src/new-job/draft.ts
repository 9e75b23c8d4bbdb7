/**
 * What was typed into the form of a new job when the session ended, kept until the reader is back. No field
 * that may hold a secret is kept. Pure but for the storage.
 */

import { keep, recall } from '../client';
import type { Entries, Field } from './form';
import type { JobExtras } from './job-extras';

const KEY = 'reprise:new-job';
/** Types that are secret, and references, which may lead to one. */
const SECRET = /"(?:format":"password|writeOnly|\$ref)"/;

/** A form as it was left. */
export interface Draft {
  /** The page's address, which has the kind and what was copied. */
  readonly address: string;
  /** So that a job that was started without an answer is not started twice. */
  readonly idempotencyKey: string;
  readonly extras: JobExtras;
  /** The JSON text of each field. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Whether a field may hold a secret. */
export function maySecret({ controls, schema }: Field): boolean {
  const types = controls.map(({ type }) => type);
  if (types.some((type) => /password|secrets|credential/.test(type))) return true;
  return SECRET.test(JSON.stringify([schema, controls.map((control) => control.schema)]));
}

/** Return the texts of the fields that hold no secret. */
export function draftTexts(fields: readonly Field[], entries: Entries): Record<string, string> {
  const kept = fields.filter((field) => !maySecret(field));
  const texts = kept.map(({ name }) => [name, entries.get(name)?.json] as const);
  return Object.fromEntries(
    texts.filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

/** Keep a form as it is left. */
export function keepDraft(draft: Draft): void {
  keep('sessionStorage', 'reprise:new-job', JSON.stringify(draft));
}

/** Return the form that was left at this address, once; null if there is none. */
export function takeDraft(address: string): Draft | null {
  const text = recall('sessionStorage', KEY);
  if (!text) return null;
  keep('sessionStorage', 'reprise:new-job', '');
  try {
    const draft = JSON.parse(text) as Draft;
    return draft.address === address ? draft : null;
  } catch {
    return null;
  }
}
