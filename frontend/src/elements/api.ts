/** The JSON API as the pages call it: one `call`, problems as `Problem`, and the shapes that come back. */

import { type JobStatus, jsonText, type Plan, parseJson, type WaitingFor } from '../client';
import type { Schema } from '../new-job/schema';
import { fetchAndSync } from './server-clock';

/** A job as `GET /api/jobs` and `GET /api/jobs/<id>` show it. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly status: JobStatus;
  readonly params: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly team: string | null;
  readonly submitted_by: string;
  readonly submitted_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly attempt: number;
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly head: number;
  readonly message: string;
  readonly waiting_for: readonly WaitingFor[];
  readonly retry_of: string | null;
  /** The acts that this user may do now. */
  readonly can: readonly string[];
}

/** A job kind with the JSON Schema of its parameters. */
export interface Kind {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly schema: Schema;
}

/** One field that does not fit: an RFC 6901 pointer into the params, and why. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** The service said no: an RFC 9457 problem with the protocol's `code`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: readonly FieldError[] = [],
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

/** No answer came at all: the network is down, or the service is. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

interface CallOptions {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  /** The body as JSON text, where not a digit may change. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Call the API and return its JSON.
 *
 * Throws `Problem` where the service refuses, `Unreachable` where there is no (JSON) answer, and the
 * signal's AbortError. A session that has ended leads to the sign-in page and back.
 */
export async function callApi<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await sendRequest(path, options);
  const body = await parseBody(response);
  if (response.ok && body !== null) return body as T;
  if (response.status === 401) goToSignIn();
  if (body === null) throw new Unreachable(`HTTP ${response.status}`);
  throw new Problem(
    response.status,
    String(body.code ?? 'internal'),
    String(body.detail ?? body.title ?? `HTTP ${response.status}`),
    Array.isArray(body.errors) ? body.errors : [],
  );
}

// biome-ignore lint/suspicious/noExplicitAny: what comes back is as the caller says
async function parseBody(response: Response): Promise<any> {
  const text = await response.text().catch(() => '');
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function sendRequest(path: string, options: CallOptions): Promise<Response> {
  const { method = 'GET', body, headers, signal } = options;
  const text = options.text ?? (body === undefined ? undefined : jsonText(body));
  try {
    return await fetchAndSync(path, {
      method,
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        ...(method === 'GET' ? {} : { 'X-CSRFToken': csrfToken() }),
        ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable('no answer');
  }
}

/** One job's row, or null where it is not there to see. The list has it without folding its log. */
export async function fetchJobRow(id: string): Promise<Job | null> {
  const { jobs } = await callApi<{ jobs: readonly Job[] }>(`/api/jobs?id=${id}`);
  return jobs[0] ?? null;
}

/** The jobs that are retries of this one, newest first. */
export async function fetchRetries(id: string): Promise<readonly Job[]> {
  const { jobs } = await callApi<{ jobs: readonly Job[] }>(`/api/jobs?retry_of=${id}`);
  return jobs;
}

/** Whether a form is taking the browser elsewhere: whoever signs out is not to be led back here. */
let leaving = false;
globalThis.addEventListener?.('submit', (event) => {
  leaving = !event.defaultPrevented;
});

/** Go to the sign-in page, which leads back to this address. */
export function goToSignIn(): void {
  if (leaving) return;
  const next = location.pathname + location.search + location.hash;
  location.assign(`/sign-in?next=${encodeURIComponent(next)}`);
}

/**
 * The token that Django's CSRF check wants with every POST: the cookie's, since signing in again in
 * another tab changes it; else the one that came with the page.
 */
export function csrfToken(): string {
  const cookie = document.cookie.match(/(?:^|; )reprise_csrf=([^;]+)/)?.[1];
  return (
    cookie ?? document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? ''
  );
}

/** What the server put into the page as `<script type="application/json" id="…">`, or null. */
export function readBootData<T>(id: string): T | null {
  const text = document.getElementById(id)?.textContent;
  return text ? (parseJson(text) as T) : null;
}

/** A random key of 128 bits. Unlike `crypto.randomUUID` this also works without a secure context. */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What to tell the reader about an error: what happened and what to do next. */
export function describeError(error: unknown): string {
  if (error instanceof Unreachable) {
    return 'Reprise does not answer. Nothing was lost; check your connection and try again.';
  }
  if (error instanceof Problem && error.code === 'internal') {
    return 'Reprise made a mistake, which is logged. Try again; if it stays, tell whoever runs it.';
  }
  return error instanceof Error ? error.message : String(error);
}
