import { HEARTBEAT_S } from './liveness.js';

/** An id as the server accepts it: in either case, with all four dashes or none. */
const ID = /^([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})$/i;
const IN_PATH = /^(.*?\/)(?:api\/|ws\/)?jobs\/([0-9a-f-]{32,36})(?:\/|$)/i;

/** Gets a permit for one connection to one job from another origin. */
export type Ticket = () => Promise<string>;

/** A job, and the address of its WebSocket. */
export class JobAddress {
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
    const url = new URL(ID.test(job) ? `/jobs/${job}` : job, base || undefined);
    const [, root = '', id = ''] = IN_PATH.exec(url.pathname) ?? [];
    if (!ID.test(id)) throw new TypeError(`Not a job's id or address: ${job}`);
    this.job = id.toLowerCase().replace(ID, '$1-$3-$4-$5-$6');
    this.#root = new URL(root, url);
  }

  /** The address of the WebSocket for events after `cursor`. */
  async webSocket(cursor: string): Promise<string> {
    const href = await this.href(`ws/jobs/${this.job}/?after=${cursor}&heartbeat_s=${HEARTBEAT_S}`);
    return href.replace('http', 'ws');
  }

  /** The address of one of the job's resources, with a ticket if there are any. */
  protected async href(path: string): Promise<string> {
    const url = new URL(path, this.#root);
    if (this.ticket) url.searchParams.set('ticket', await this.ticket());
    return url.href;
  }
}
