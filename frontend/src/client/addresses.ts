import { HEARTBEAT_S } from './liveness.js';

/** An id as the server accepts it: in either case, with all four dashes or none. */
const ID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})$/i;
const PARTS = /^(.{8})-?(.{4})-?(.{4})-?(.{4})-?(.{12})$/;
const IN_PATH = /^(.*?)\/(?:api\/|ws\/)?jobs\/([0-9a-f-]{32,36})(?:\/|$)/i;

const HEARTBEAT = { heartbeat_s: String(HEARTBEAT_S) };

/** Gets a permit for one connection to one job from another origin. */
export type Ticket = () => Promise<string>;

/** The addresses of one job's streams. */
export class Addresses {
  /** The job's id. */
  readonly job: string;
  readonly #root: URL;

  /**
   * @param job a job's id, or any address of it (`/jobs/<id>`, `https://host/api/jobs/<id>`)
   * @param base the base of a relative address
   * @throws TypeError if `job` does not name a job, or is relative without a base
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
      throw new TypeError(`Not a job's id or address: ${job}`);
    }
    this.job = normalizeId(id);
    this.#root = new URL(`${prefix}/`, url);
  }

  /** The address of the WebSocket for events after `cursor`. */
  async webSocket(cursor: string): Promise<string> {
    const url = await this.#buildUrl(`ws/jobs/${this.job}/`, { after: cursor, ...HEARTBEAT });
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  /** The address of the Server-Sent Events. */
  async stream(cursor: string): Promise<string> {
    const query = { after: cursor, ...HEARTBEAT };
    return (await this.#buildUrl(`api/jobs/${this.job}/stream`, query)).href;
  }

  /** The address of one page of events; the server may hold the answer for `wait` seconds. */
  async events(cursor: string, limit: number, wait: number): Promise<string> {
    const query = { after: cursor, limit: String(limit), wait: String(wait) };
    return (await this.#buildUrl(`api/jobs/${this.job}/events`, query)).href;
  }

  async #buildUrl(path: string, query: Record<string, string>): Promise<URL> {
    const url = new URL(path, this.#root);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    if (this.ticket) url.searchParams.set('ticket', await this.ticket());
    return url;
  }
}

/** Return an id in lower case with dashes. */
function normalizeId(id: string): string {
  return id.toLowerCase().replace(PARTS, '$1-$2-$3-$4-$5');
}
