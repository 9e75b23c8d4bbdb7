import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../src/client';
import { HistoryPages, PAGE_SIZE, type ReadPage } from '../../src/job/history-pages';
import { LogPages } from '../../src/job/log-pages';
import { type Draft, History } from '../client/fake/history';
import { logLines, styled } from '../terminal/shown';

const said = (text: string, target = 'a'): Draft => ({
  type: 'step.output',
  step: 'drain',
  target,
  data: { text, stream: 'out' },
});

/** A service with a log: answers pages as the log is then, and counts what it was asked. */
class Service {
  readonly asked: number[] = [];
  fails = 0;
  bytes = 300_000;

  constructor(readonly events: readonly JobEvent[]) {}

  head = 0;

  readonly read = async (_job: string, page: number): Promise<ReadPage> => {
    this.asked.push(page);
    await Promise.resolve();
    if (this.fails-- > 0) throw new Error('no answer');
    const until = Math.min(this.head, (page + 1) * PAGE_SIZE);
    return { events: this.events.slice(page * PAGE_SIZE, until), bytes: this.bytes };
  };

  /** The history of a page that was opened at a head, with so many last events. */
  open(head: number, tail: number): HistoryPages {
    this.head = Math.max(this.head, head);
    const history = new HistoryPages('job', head, this.read);
    history.prepend(this.events.slice(Math.max(0, head - tail), head));
    return history;
  }
}

const { events: LOG } = new History(Array.from({ length: 25_000 }, (_, i) => said(`${i}\n`)));

describe('the history', () => {
  it('asks for a page once, however often it is wanted, and then has it', async () => {
    const service = new Service(LOG);
    const history = service.open(5_500, 50);
    const came = vi.fn();
    history.subscribe(came);
    expect([history.want(2), history.want(2)]).toEqual([null, null]);
    expect((await history.load(2)).map(({ seq }) => seq)).toEqual(
      LOG.slice(2_000, 3_000).map(({ seq }) => seq),
    );
    expect([service.asked, history.count]).toEqual([[2], 6]);
    expect(history.want(2)).toHaveLength(PAGE_SIZE);
    expect(came).toHaveBeenCalled();
  });

  it('joins what it reads of the newest page and what the follower brings meanwhile', async () => {
    const service = new Service(LOG);
    const history = service.open(5_500, 50);
    expect(history.newest()[0]?.seq).toBe(5_451);
    const reading = history.load(5);
    history.append(LOG.slice(5_500, 5_600));
    await reading;
    history.append(LOG.slice(5_600, 6_001));
    expect(history.peek(5)?.map(({ seq }) => seq)).toEqual(
      LOG.slice(5_000, 6_000).map(({ seq }) => seq),
    );
    expect(history.newest().map(({ seq }) => seq)).toEqual(
      LOG.slice(5_000, 6_001).map(({ seq }) => seq),
    );
    expect([history.head, history.count]).toEqual([6_001, 7]);
  });

  it('keeps as many pages as fit, the newest always', async () => {
    const service = new Service(LOG);
    const history = service.open(20_000, 50);
    for (let page = 19; page >= 0; page -= 1) await history.load(page);
    const kept = Array.from({ length: 20 }, (_, page) => history.peek(page) !== null);
    expect(kept.flatMap((here, page) => (here ? [page] : []))).toEqual([
      ...Array.from({ length: 12 }, (_, page) => page),
      16,
      17,
      18,
      19,
    ]);
  });

  it('does not ask again at once for what could not be read', async () => {
    vi.useFakeTimers();
    try {
      const service = new Service(LOG);
      const history = service.open(5_500, 50);
      service.fails = 1;
      await expect(history.load(0)).rejects.toThrow('no answer');
      expect(history.want(0)).toBeNull();
      expect(service.asked).toEqual([0]);
      const came = vi.fn();
      history.subscribe(came);
      vi.advanceTimersByTime(2_000);
      expect(came).toHaveBeenCalled();
      expect(history.want(0)).toBeNull();
      expect(service.asked).toEqual([0, 0]);
      await history.load(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the lines of its pages', () => {
  const pieces = ['a', '\n', 'x\ny\n', '10 %\r', '\x1b[31m', '\x1b[0m', '\x1b[1A', '🚀 '];
  const text = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 });
  const draft = fc
    .tuple(text, fc.constantFrom('a', 'b'))
    .map(([parts, target]) => said(parts.join(''), target));
  const log = fc.array(draft, { minLength: 3_000, maxLength: 6_000, size: 'max' });

  it('are those of the whole log, whenever it was opened and however it goes on', async () => {
    await fc.assert(
      fc.asyncProperty(log, fc.double({ min: 0, max: 1, noNaN: true }), async (drafts, share) => {
        const { events } = new History(drafts);
        const service = new Service(events);
        const opened = Math.floor(share * events.length);
        const history = service.open(opened, 50);
        const pages = new LogPages(history);
        pages.settle();
        service.head = events.length;
        for (let at = opened; at < events.length; at += 700) {
          const fresh = events.slice(at, at + 700);
          history.append(fresh);
          pages.append(fresh);
          if (at === opened) await Promise.all([...history.newest()].map(() => undefined));
          pages.settle();
        }
        const found = [];
        for (let page = 0; page < history.count; page += 1) {
          for (const line of await pages.load(page))
            found.push([line.seq, line.part, ...styled(line.content)]);
        }
        const whole = logLines(events);
        expect(found).toEqual(whole.map((line) => [line.seq, line.part, ...styled(line.content)]));
        expect(pages.isSettled).toBe(true);
      }),
      { numRuns: 8 },
    );
  });
});
