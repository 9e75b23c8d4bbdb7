import { Addresses } from '../addresses.js';
import type { FollowOptions } from '../options.js';
import type { Platform } from '../platform.js';
import { LongPollTransport } from './longpoll.js';
import { StreamTransport } from './stream.js';
import type { Transport, TransportName } from './transport.js';

export { LongPollTransport };

/** Create a transport over HTTP for these options, shared with other tabs if they say so. */
export function createTransport(
  name: TransportName,
  job: string,
  platform: Platform,
  options: FollowOptions,
): Transport {
  const http = { ...options, raw: options.raw ?? false };
  const Http = name === 'long poll' ? LongPollTransport : StreamTransport;
  const addresses = new Addresses(job, platform.base, options.ticket);
  const held = new Http(name, addresses, platform, http);
  return options.connections?.share(held, addresses, platform, http) ?? held;
}
