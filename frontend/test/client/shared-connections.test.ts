import { describe, expect, it } from 'vitest';
import type { Tab, TransportName } from '../../src/client';
import { type Following, following, serve, upTo } from './fake/following';
import { history } from './fake/history';
import { settle, until } from './fake/platform';
import { FakeLocks, FakeTab } from './fake/tabs';

const OUTPUT = { type: 'step.output', step: 'x', data: { text: 'more\n' } };
const PLACES = 3;
const HTTP: TransportName[] = ['SSE', 'octet stream', 'long poll'];

type Fake = Awaited<ReturnType<typeof serve>>;

class Browser {
  readonly locks = new FakeLocks();
  readonly tabs: FakeTab[] = [];
  readonly followers: Following[] = [];

  constructor(readonly fake: Fake) {}

  open(count: number, transports: readonly TransportName[] = HTTP): void {
    for (let nth = 0; nth < count; nth += 1) {
      const tab = new FakeTab(this.locks);
      this.tabs.push(tab);
      this.followers.push(following(this.fake, { transports, connections: tab.connections }));
    }
  }

  /** Wait until every tab has `head` events, letting time pass meanwhile. */
  async allHave(head: number): Promise<void> {
    await this.passUntil(() => this.followers.every(({ info }) => info.seq === head));
    for (const { seqs } of this.followers) expect(seqs).toEqual(upTo(head));
  }

  async passUntil(holds: () => boolean): Promise<void> {
    while (!holds()) {
      this.fake.platform.clock.advance(100);
      await settle();
    }
  }
}

describe('tabs of one browser', () => {
  it('hold no more connections than there are places, and all have everything', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    browser.open(20);
    await browser.allHave(10);
    for (let round = 1; round <= 5; round += 1) {
      fake.server.append(OUTPUT);
      await browser.allHave(10 + round);
      expect(fake.server.following).toBeLessThanOrEqual(PLACES);
    }
    // All places, and one turn.
    expect(browser.locks.most).toBeLessThanOrEqual(PLACES + 1);
    expect(browser.followers.every(({ info }) => info.state === 'live')).toBe(true);
  });

  it('hold no long poll without a place', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    browser.open(8, ['long poll']);
    await browser.allHave(10);
    await browser.passUntil(() => fake.server.seen.filter(({ wait }) => wait > 0).length >= PLACES);
    fake.server.append(OUTPUT);
    await browser.allHave(11);
    expect(browser.locks.most).toBeLessThanOrEqual(PLACES + 1);
  });

  it('get the place of one that is gone', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    browser.open(PLACES);
    await until(() => fake.server.following === PLACES);
    browser.open(1);
    await browser.allHave(10);
    expect(fake.server.following).toBe(PLACES);
    browser.followers[0]?.follower.stop();
    const gone = browser.tabs[0];
    if (gone) browser.locks.drop(gone);
    browser.followers.shift();
    await until(() => fake.server.following === PLACES - 1);
    await browser.passUntil(() => fake.server.following === PLACES);
    fake.server.append(OUTPUT);
    await browser.allHave(11);
  });

  it('have everything beside one that is frozen with its place', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    for (const place of upTo(PLACES)) {
      const frozen = new FakeTab(browser.locks);
      const forever = () => new Promise(() => undefined);
      void browser.locks.request(frozen, `reprise.connection.${place - 1}`, {}, forever);
    }
    browser.open(4);
    await browser.allHave(10);
    fake.server.append(OUTPUT);
    await browser.allHave(11);
    expect(fake.server.following).toBe(0);
  });

  it('let go when hidden, still have everything, and hold again when shown', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    browser.open(1);
    const [tab] = browser.tabs;
    const [it] = browser.followers;
    await browser.allHave(10);
    await until(() => fake.server.following === 1 && it?.info.state === 'live');
    tab?.show(false);
    await browser.passUntil(() => fake.server.following === 0);
    fake.server.append(OUTPUT);
    await browser.allHave(11);
    expect(fake.server.following).toBe(0);
    tab?.show(true);
    await browser.passUntil(() => fake.server.following === 1);
    fake.server.append(OUTPUT);
    await browser.allHave(12);
    expect(new Set(it?.states)).toEqual(new Set(['connecting', 'catching_up', 'live']));
  });

  it('end with their job', async () => {
    const fake = await serve(history(10, true));
    const browser = new Browser(fake);
    browser.open(6);
    await browser.passUntil(() => browser.followers.every(({ info }) => info.state === 'ended'));
    await until(
      () => !upTo(PLACES).some((place) => browser.locks.has(`reprise.connection.${place - 1}`)),
    );
  });
});

const denied = (): never => {
  throw new DOMException('denied', 'SecurityError');
};
const ALONE: Record<string, Tab['locks']> = {
  'without Web Locks': undefined,
  'with Web Locks that throw': { request: denied },
  'with Web Locks that refuse': { request: () => Promise.reject(new Error('denied')) },
};

describe('a tab alone', () => {
  it.each(Object.keys(ALONE))('%s holds a connection of its own', async (name) => {
    const fake = await serve(history(10, false));
    const tab = new FakeTab(ALONE[name]);
    const it = following(fake, { transports: ['SSE'], connections: tab.connections });
    await it.to('live');
    expect(fake.server.following).toBe(1);
    fake.server.append(OUTPUT);
    await until(() => it.info.seq === 11);
  });

  it.each(Object.keys(ALONE))('%s lets go when hidden', async (name) => {
    const fake = await serve(history(10, false));
    const tab = new FakeTab(ALONE[name]);
    tab.show(false);
    const it = following(fake, { transports: ['SSE'], connections: tab.connections });
    await it.to('live');
    expect(fake.server.following).toBe(0);
    expect(it.seqs).toEqual(upTo(10));
  });

  it('does not care for WebSockets', async () => {
    const fake = await serve(history(10, false));
    const browser = new Browser(fake);
    browser.open(10, ['WebSocket', 'SSE']);
    await until(() => browser.followers.every(({ info }) => info.state === 'live'));
    expect(fake.server.sockets).toBe(10);
  });
});
