import { onTestFinished } from 'vitest';
import {
  type Follower,
  type FollowerInfo,
  type FollowOptions,
  follow,
  type JobEvent,
} from '../../../src/client';
import { type History, JOB } from './history';
import { FakePlatform, until } from './platform';
import { FakeServer } from './server';

/** A follower on a fake server, and everything that it told. */
export class Following {
  readonly events: JobEvent[] = [];
  readonly infos: FollowerInfo[] = [];
  resets = 0;
  readonly follower: Follower;

  constructor(
    readonly server: FakeServer,
    readonly platform: FakePlatform,
    options: FollowOptions,
  ) {
    this.follower = follow(JOB, {
      platform,
      backoff: () => 0,
      onEvents: (events) => void this.events.push(...events),
      onState: (info) => void this.infos.push(info),
      onReset: () => {
        this.resets += 1;
        this.events.length = 0;
      },
      ...options,
    });
  }

  get info(): FollowerInfo {
    return this.follower.info;
  }

  /** The seqs given out, in their order. */
  get seqs(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  /** The states told, without repeats. */
  get states(): string[] {
    return this.infos.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  }

  /** Wait for a state. */
  async to(state: FollowerInfo['state']): Promise<void> {
    await until(() => this.info.state === state);
  }
}

/** Start a fake server with this history; it ends with the test. */
export async function serve(log: History): Promise<{ server: FakeServer; platform: FakePlatform }> {
  const server = new FakeServer(log);
  const platform = new FakePlatform(await server.listen());
  onTestFinished(() => server.close());
  return { server, platform };
}

/** Follow the job of a server; the follower stops with the test. */
export function following(
  { server, platform }: { server: FakeServer; platform: FakePlatform },
  options: FollowOptions = {},
): Following {
  const followed = new Following(server, platform, options);
  onTestFinished(() => followed.follower.stop());
  return followed;
}

/** 1 to n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, at) => at + 1);
}
