/**
 * The TypeScript follower outside a browser, many at once: reads one line of JSON, the plan that
 * `tests.chaos.streams.crowd` reads too, and follows until every job has ended or its input does.
 * Then it writes a history for each follower, a line an event (when it came, its exact text), and as
 * its last line how each of them ended.
 */

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import {
  type Follower,
  FollowerState,
  follow,
  type JobEvent,
  type Platform,
  type TransportName,
} from '../../../frontend/src/client';

interface Planned {
  readonly number: number;
  readonly url: string;
  readonly transports: readonly TransportName[];
}

interface Plan {
  readonly token: string;
  readonly folder: string;
  readonly followers: readonly Planned[];
  readonly pace: number;
}

const seconds = (): number => Date.now() / 1000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a page has, but for a token in place of its cookie. */
function platform(token: string): Partial<Platform> {
  const Authorization = `Bearer ${token}`;
  class Socket extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { Authorization }, perMessageDeflate: false });
    }
  }
  return {
    WebSocket: Socket as unknown as NonNullable<Platform['WebSocket']>,
    fetch: (url, init) =>
      globalThis.fetch(url, { ...init, headers: { ...init.headers, Authorization } }),
  };
}

/** A follower, and what has come of it. */
class One {
  readonly #planned: Planned;
  readonly #token: string;
  readonly #came: (readonly [number, string])[] = [];
  #follower: Follower | null = null;
  #began = 0;
  #over = 0;
  #trouble = 'still following';

  constructor(planned: Planned, token: string) {
    this.#planned = planned;
    this.#token = token;
  }

  /** Follow to the end. */
  follow(): Promise<void> {
    this.#began = seconds();
    return new Promise((resolve) => {
      const over = (trouble: string): void => {
        this.#trouble = trouble;
        this.#over = seconds();
        resolve();
      };
      this.#follower = follow(this.#planned.url, {
        transports: this.#planned.transports,
        platform: platform(this.#token),
        raw: true,
        onEvents: (events) => this.#take(events),
        onState: ({ state, error }) => {
          if (state === FollowerState.ended) over('');
          if (state === FollowerState.failed) over(`${error?.code}: ${error?.message}`);
        },
      });
    });
  }

  /** Let go, write the history, and say how it ended. */
  async leave(folder: string): Promise<object> {
    this.#follower?.stop();
    const { number } = this.#planned;
    const file = createWriteStream(join(folder, `${number}.texts`));
    for (const [at, raw] of this.#came) file.write(`${at}\t${raw}\n`);
    await new Promise((resolve) => file.end(resolve));
    const { duplicates, gaps, transport } = this.#follower?.info ?? {};
    return {
      number,
      trouble: this.#trouble,
      doubled: duplicates ?? 0,
      holes: gaps ?? 0,
      transport: transport ?? '',
      began: this.#began,
      over: this.#over || seconds(),
    };
  }

  #take(events: readonly JobEvent[]): void {
    const now = seconds();
    for (const { raw } of events) this.#came.push([now, raw ?? '']);
  }
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const plan: Plan = await new Promise((resolve) => {
    lines.once('line', (line) => resolve(JSON.parse(line) as Plan));
  });
  const told = new Promise<void>((resolve) => lines.once('close', resolve));
  const all = plan.followers.map((planned) => new One(planned, plan.token));
  const following = all.map(async (one, at) => {
    await pause(at * plan.pace * 1000);
    await one.follow();
  });
  await Promise.race([Promise.all(following), told]);
  const ended = await Promise.all(all.map((one) => one.leave(plan.folder)));
  process.stdout.write(`${JSON.stringify(ended)}\n`, () => process.exit(0));
}

await main();
