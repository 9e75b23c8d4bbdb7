/** Calls the JSON API, and defines the shapes of its answers and errors. */

import {
  type ForkSource,
  type JobStatus,
  jsonText,
  type Plan,
  parseJson,
  type WaitingFor,
} from '../client';
import type { Schema } from '../new-job/schema';
import { fetchAndSync } from './server-clock';

/** A job as `GET /api/jobs?brief=true` lists it. */
export interface ListedJob {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly status: JobStatus;
  readonly labels: Readonly<Record<string, string>>;
  readonly team: string | null;
  readonly priority: number;
  readonly submitted_by: string;
  /** When it was imported: then its actors are those of another service. */
  readonly imported_at: string | null;
  readonly submitted_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly attempt: number;
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly head: number;
  readonly head_hash: string;
  readonly message: string;
  readonly waiting_for: readonly WaitingFor[];
  readonly retry_of: string | null;
  /** Of a fork: the event up to which it keeps what the other job has recorded. */
  readonly forked_from?: ForkSource | null;
  /** The actions that this user may perform now. */
  readonly can: readonly string[];
  /** The open gates at which this user may not answer, each with why. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** A job as `GET /api/jobs` and `GET /api/jobs/<id>` show it. */
export interface Job extends ListedJob {
  readonly params: Readonly<Record<string, unknown>>;
  readonly plan: Plan;
}

/** The answer of `GET /api/jobs?brief=true`. */
export interface JobsAnswer {
  readonly jobs: readonly ListedJob[];
  /** The cursor of the following page; null on the last one. */
  readonly next: string | null;
  /** Where the feed stood when the list was read. */
  readonly position: number;
  /** How many jobs have each status, up to 1,000; null unless asked for. */
  readonly counts: Readonly<Record<string, number>> | null;
}

/** A job kind with the JSON Schema of its parameters. */
export interface Kind {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly schema: Schema;
}

/** An invalid parameter: an RFC 6901 pointer to it, and why it is invalid. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** The service refused: an RFC 9457 problem with the protocol's `code`. */
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

/** There was no answer: the network or the service is down. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

interface CallOptions {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  /** The body as JSON text, if no digit of it may change. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Call the API and return its JSON.
 *
 * Throws `Problem` if the service refuses, `Unreachable` without a (JSON) answer, and the signal's
 * AbortError. If the session has ended, the browser goes to the sign-in page, which leads back.
 */
export async function callApi<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await sendRequest(path, options);
  const body = parseBody(await readText(response));
  if (response.ok && body !== null) return body as T;
  throw refusal(response, body);
}

/** Call the API and return its text. Throws what `callApi` throws. */
export async function fetchText(path: string, options: CallOptions = {}): Promise<string> {
  const response = await sendRequest(path, options);
  if (response.ok) return response.text().catch(() => Promise.reject(new Unreachable('cut off')));
  throw refusal(response, parseBody(await readText(response)));
}

// biome-ignore lint/suspicious/noExplicitAny: the caller knows the shape
function refusal(response: Response, body: any): Problem | Unreachable {
  if (response.status === 401) goToSignIn();
  if (body === null) return new Unreachable(`HTTP ${response.status}`);
  return new Problem(
    response.status,
    String(body.code ?? 'internal'),
    String(body.detail ?? body.title ?? `HTTP ${response.status}`),
    Array.isArray(body.errors) ? body.errors : [],
  );
}

function readText(response: Response): Promise<string> {
  return response.text().catch(() => '');
}

// biome-ignore lint/suspicious/noExplicitAny: the caller knows the shape
function parseBody(text: string): any {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function sendRequest(path: string, options: CallOptions): Promise<Response> {
  const { method = 'GET', body, signal = null } = options;
  const text = options.text ?? (body === undefined ? null : jsonText(body));
  const headers = new Headers({ Accept: 'application/json', ...options.headers });
  if (method !== 'GET') headers.set('X-CSRFToken', csrfToken());
  if (text !== null) headers.set('Content-Type', 'application/json');
  try {
    const init = { method, credentials: 'same-origin', headers, body: text, signal } as const;
    return await fetchAndSync(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable('no answer');
  }
}

/** Return a job's row, or null if this user cannot see it. The list does not need to fold its log. */
export async function fetchJobRow(id: string): Promise<Job | null> {
  const { jobs } = await callApi<{ jobs: readonly Job[] }>(`/api/jobs?id=${id}`);
  return jobs[0] ?? null;
}

/** Return up to `limit` jobs, newest first. An answer that would be too long has fewer. */
export async function fetchJobs(
  query: URLSearchParams,
  limit: number,
  options: CallOptions = {},
): Promise<JobsAnswer> {
  const asked = new URLSearchParams(query);
  asked.set('brief', 'true');
  asked.set('limit', String(limit));
  const answer = await fetchList(asked, options);
  const rest = limit - answer.jobs.length;
  if (answer.next === null || rest <= 0) return answer;
  asked.set('cursor', answer.next);
  const more = await fetchJobs(asked, rest, options);
  return { ...answer, jobs: [...answer.jobs, ...more.jobs], next: more.next };
}

/** During an upgrade an older process may answer, which does not know `counts` and refuses it. */
async function fetchList(asked: URLSearchParams, options: CallOptions): Promise<JobsAnswer> {
  try {
    return await callApi<JobsAnswer>(`/api/jobs?${asked}`, options);
  } catch (error) {
    if (!(asked.has('counts') && error instanceof Problem && error.status === 400)) throw error;
    asked.delete('counts');
    return await callApi<JobsAnswer>(`/api/jobs?${asked}`, options);
  }
}

/** Return the retries of a job, newest first. */
export async function fetchRetries(id: string): Promise<readonly ListedJob[]> {
  return (await fetchJobs(new URLSearchParams({ retry_of: id }), 50)).jobs;
}

/** Whether a form was submitted: a sign-out must not lead back to this page. */
let leaving = false;
globalThis.addEventListener?.('submit', (event) => {
  leaving = !event.defaultPrevented;
});

/** Go to the sign-in page, which leads back here. */
export function goToSignIn(): void {
  if (leaving) return;
  const next = location.pathname + location.search + location.hash;
  location.assign(`/sign-in?next=${encodeURIComponent(next)}`);
}

/**
 * Return the token for Django's CSRF check. The cookie comes first, because signing in again in another
 * tab changes it; otherwise the token of the page.
 */
export function csrfToken(): string {
  const cookie = document.cookie.match(/(?:^|; )(?:__Host-)?reprise_csrf=([^;]+)/)?.[1];
  return (
    cookie ?? document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? ''
  );
}

/** Return the data of `<script type="application/json" id="…">` in the page, or null. */
export function readBootData<T>(id: string): T | null {
  const text = document.getElementById(id)?.textContent;
  return text ? (parseJson(text) as T) : null;
}

/** A random key of 128 bits. Unlike `crypto.randomUUID` this also works without a secure context. */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Describe an error to the reader: what happened, and what to do next. */
export function describeError(error: unknown): string {
  if (error instanceof Unreachable) {
    return 'Reprise does not answer. Nothing was lost; check your connection and try again.';
  }
  if (error instanceof Problem && error.code === 'internal') {
    return 'Reprise had an internal error, which is logged. Try again; if it happens again, tell your administrator.';
  }
  return error instanceof Error ? error.message : String(error);
}
