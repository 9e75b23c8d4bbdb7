import { HEARTBEAT_S } from './liveness';

/** An id as the server takes one: either case, with its four dashes or without any. */
const ID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})$/i;
const PARTS = /^(.{8})-?(.{4})-?(.{4})-?(.{4})-?(.{12})$/;
const IN_PATH = /^(.*?)\/(?:api\/|ws\/)?jobs\/([0-9a-f-]{32,36})(?:\/|$)/i;

const HEARTBEAT = { heartbeat_s: String(HEARTBEAT_S) };

/** A short-lived permit for one job in place of a cookie, for another origin; renewed at each connect. */
export type Ticket = string | (() => Promise<string>);

/** The addresses of one job's streams. */
export class Addresses {
  /** The job's id. */
  readonly job: string;
  readonly #root: URL;

  /**
   * @param job a job's id, or any address of it (`/jobs/<id>`, `https://host/api/jobs/<id>`)
   * @param base what a relative address is relative to
   * @throws TypeError where `job` names no job, or is relative and there is no base
   */
  constructor(
    job: string,
    base: string,
    private readonly ticket?: Ticket,
  ) {
    if (ID.test(job)) {
      this.job = normalizeId(job);
      this.#root = new URL('/', base);
      return;
    }
    const url = base === '' ? new URL(job) : new URL(job, base);
    const [, prefix, id] = IN_PATH.exec(url.pathname) ?? [];
    if (prefix === undefined || id === undefined || !ID.test(id)) {
      throw new TypeError(`This is no job: ${job}`);
    }
    this.job = normalizeId(id);
    this.#root = new URL(`${prefix}/`, url);
  }

  /** Where the WebSocket is, for what comes after `cursor`. */
  async webSocket(cursor: string): Promise<string> {
    const url = await this.#buildUrl(`ws/jobs/${this.job}/`, { after: cursor, ...HEARTBEAT });
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  /** Where the Server-Sent Events are. */
  async stream(cursor: string): Promise<string> {
    const query = { after: cursor, ...HEARTBEAT };
    return (await this.#buildUrl(`api/jobs/${this.job}/stream`, query)).href;
  }

  /** Where one page of events is; the answer may be held for `wait` seconds. */
  async events(cursor: string, limit: number, wait: number): Promise<string> {
    const query = { after: cursor, limit: String(limit), wait: String(wait) };
    return (await this.#buildUrl(`api/jobs/${this.job}/events`, query)).href;
  }

  async #buildUrl(path: string, query: Record<string, string>): Promise<URL> {
    const url = new URL(path, this.#root);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const ticket = typeof this.ticket === 'function' ? await this.ticket() : this.ticket;
    if (ticket !== undefined) url.searchParams.set('ticket', ticket);
    return url;
  }
}

/** Return an id as the server writes it. */
function normalizeId(id: string): string {
  return id.toLowerCase().replace(PARTS, '$1-$2-$3-$4-$5');
}
