import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FollowerInfo, follow, TRANSPORTS } from '../../src/client';
import '../../src/client/fallback'; // a step is then enough for a follower to load it
import { upTo } from './fake/following';
import { history, JOB } from './fake/history';
import { FakePlatform, settle } from './fake/platform';
import { seeded } from './fake/random';
import { type Move, Simulation } from './fake/simulated';

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('send' as const),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  fc.record({
    does: fc.constantFrom('again' as const, 'skip' as const, 'drip' as const),
    count: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({
    does: fc.constantFrom(
      'greet' as const,
      'caught up' as const,
      'end large messages' as const,
      'fall behind' as const,
      'beat' as const,
      'rotate' as const,
      'cut' as const,
      'busy' as const,
      'fall silent' as const,
      'mumble' as const,
    ),
  }),
);

/** One run: what each connection does, on how many rungs, from where, and the chance in between. */
interface Run {
  readonly scripts: Move[][];
  readonly rungs: number;
  readonly after: number;
  readonly seed: number;
}

const run: fc.Arbitrary<Run> = fc.record({
  scripts: fc.array(fc.array(move, { maxLength: 8 }), { maxLength: 25 }),
  rungs: fc.integer({ min: 1, max: 4 }),
  after: fc.nat(30),
  seed: fc.integer(),
});

function signalled({ signals }: FakePlatform, roll: number): void {
  if (roll < 0.3) signals.goOffline();
  else if (roll < 0.8) signals.goOnline();
  else signals.wake();
}

/** What a consumer was given in one run, and what was left when it was over. */
async function follows({ scripts, rungs, after, seed }: Run) {
  const log = history(40);
  const platform = new FakePlatform('http://host/');
  const random = seeded(seed);
  platform.random = random;
  const simulation = new Simulation(log, scripts);
  const transports = TRANSPORTS.slice(0, rungs).map((name) => simulation.transport(name));
  const seqs: number[] = [];
  const infos: FollowerInfo[] = [];
  const follower = follow(JOB, {
    platform,
    transports,
    after,
    upgrade: { known: 100, unknown: 300, most: 2000 },
    onEvents: (events) => void seqs.push(...events.map(({ seq }) => seq)),
    onState: (info) => void infos.push(info),
  });
  for (let step = 0; step < 20_000 && follower.info.state !== 'ended'; step += 1) {
    await settle(1);
    const { open } = simulation;
    const [next] = platform.clock.pending;
    if (open.length > 0 && random() < 0.8) open[Math.floor(random() * open.length)]?.step();
    else if (random() < 0.3) signalled(platform, random());
    else if (next !== undefined) platform.clock.advance(random() < 0.5 ? next : next * random());
  }
  return { seqs, infos, follower, simulation, platform };
}

/** What a transport does each time over which nothing useful comes: a beginning, and how it ends. */
const useless: fc.Arbitrary<Move[]> = fc
  .tuple(
    fc.oneof(
      fc.constant<Move>({ does: 'greet' }),
      fc.record({
        does: fc.constantFrom('send' as const, 'drip' as const),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    ),
    fc.constantFrom('fall silent', 'cut', 'rotate', 'end large messages'),
  )
  .map(([begins, does]) => [begins, { does } as Move]);

/** What it takes to follow where each transport but the last does the same each time. */
async function triesOf(faults: readonly Move[][]) {
  const log = history(40);
  const platform = new FakePlatform('http://host/');
  const [webSocket, sse, octets] = faults;
  const simulation = new Simulation(log, [], {
    WebSocket: webSocket ?? [],
    SSE: sse ?? [],
    'octet stream': octets ?? [],
  });
  const seqs: number[] = [];
  const follower = follow(JOB, {
    platform,
    transports: TRANSPORTS.map((name) => simulation.transport(name)),
    onEvents: (events) => void seqs.push(...events.map(({ seq }) => seq)),
  });
  for (let step = 0; step < 2000 && follower.info.state !== 'ended'; step += 1) {
    await settle(1);
    const able = simulation.open.find(({ isSilent }) => !isSilent);
    if (able) able.step();
    else platform.clock.advance(platform.clock.pending[0] ?? 0);
  }
  return { seqs, opened: simulation.opened };
}

describe('whatever happens to its connections', () => {
  it('a follower comes to the transport that works, whatever the others do each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(useless, useless, useless), async (faults) => {
        const { seqs, opened } = await triesOf(faults);
        expect(seqs).toEqual(upTo(40));
        const tries = TRANSPORTS.map((name) => opened.filter((one) => one === name).length);
        expect(Math.max(...tries)).toBeLessThanOrEqual(4);
        expect(tries.at(-1)).toBe(1);
      }),
      { numRuns: 200 },
    );
  });

  it('a follower gives every event exactly once, in order, and lets go of everything', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (given) => {
        const { seqs, follower, simulation, platform } = await follows(given);
        expect(seqs).toEqual(upTo(40).slice(given.after));
        expect(follower.info).toMatchObject({ state: 'ended', status: 'succeeded', seq: 40 });
        expect(simulation.open).toEqual([]);
        expect(platform.clock.pending).toEqual([]);
        expect(platform.signals.watched).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it('what it tells of itself never contradicts itself', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (given) => {
        const { infos } = await follows(given);
        for (const [at, info] of infos.entries()) {
          expect(info.head).toBeGreaterThanOrEqual(info.seq);
          expect(info.seq).toBeGreaterThanOrEqual(infos[at - 1]?.seq ?? 0);
          if (info.state === 'live') expect(info).toMatchObject({ nextTryAt: null, attempts: 0 });
          if (info.resumed)
            expect(info.resumed.from + info.resumed.caughtUp).toBeLessThanOrEqual(40);
        }
      }),
      { numRuns: 100 },
    );
  });
});
