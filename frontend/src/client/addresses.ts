import { JobAddress } from './job-address.js';
import { HEARTBEAT_S } from './liveness.js';

/** The addresses of one job's streams. */
export class Addresses extends JobAddress {
  /** The address of the Server-Sent Events. */
  stream(cursor: string): Promise<string> {
    return this.href(`api/jobs/${this.job}/stream?after=${cursor}&heartbeat_s=${HEARTBEAT_S}`);
  }

  /** The address of one page of events; the server may hold the answer for `wait` seconds. */
  events(cursor: string, limit: number, wait: number): Promise<string> {
    const query = `after=${cursor}&limit=${limit}&wait=${wait}`;
    return this.href(`api/jobs/${this.job}/events?${query}`);
  }
}
