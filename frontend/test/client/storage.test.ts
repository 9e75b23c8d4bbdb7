import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keep, recall } from '../../src/client';
import { recallSeen, rememberSeen } from '../../src/job/last-seen';

const AREAS = ['localStorage', 'sessionStorage'] as const;

/** Storage as a browser has it, or as one that denies it; never the machine's own. */
function storageIs(make: () => unknown): void {
  for (const area of AREAS) {
    Object.defineProperty(globalThis, area, { configurable: true, get: make });
  }
}

class Stored {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
}

class Full extends Stored {
  override setItem = (): void => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
  };
}

const denied = (): never => {
  throw new DOMException('Access is denied.', 'SecurityError');
};

let before: (PropertyDescriptor | undefined)[];
beforeEach(() => {
  before = AREAS.map((area) => Object.getOwnPropertyDescriptor(globalThis, area));
});
afterEach(() => {
  for (const [at, area] of AREAS.entries()) {
    const own = before[at];
    if (own) Object.defineProperty(globalThis, area, own);
    else Reflect.deleteProperty(globalThis, area);
  }
});

describe('what a page keeps', () => {
  it.each<[string, () => unknown]>([
    ['denied', denied],
    ['absent', () => null],
    ['undefined', () => undefined],
    ['full', () => new Full()],
    ['deaf', () => ({ getItem: () => null, setItem: () => undefined })],
    ['broken', () => ({ getItem: denied, setItem: denied })],
  ])('where storage is %s is kept as long as the page lives', (how, make) => {
    storageIs(make);
    for (const area of AREAS) {
      expect(recall(area, `${how}-never`)).toBeNull();
      keep(area, how, 'one');
      keep(area, how, 'two');
      expect(recall(area, how)).toBe('two');
    }
    rememberSeen(`job-${how}`, 7);
    expect(recallSeen(`job-${how}`)?.seq).toBe(7);
  });

  it('is in the browser’s storage where there is one, and what others write there counts', () => {
    const stored = new Stored();
    storageIs(() => stored);
    keep('localStorage', 'key', 'one');
    expect(stored.items.get('key')).toBe('one');
    stored.setItem('key', 'two');
    expect(recall('localStorage', 'key')).toBe('two');
  });

  it('is not believed where it is no more what was kept', () => {
    const stored = new Stored();
    storageIs(() => stored);
    for (const text of ['', '{', 'null', '7', '{"seq": "7"}']) {
      stored.setItem('reprise:seen:j', text);
      expect(recallSeen('j')).toBeNull();
    }
  });
});
