import { afterEach, expect, it, vi } from 'vitest';
import { loadKind } from '../../src/new-job/load-kind';

const NAMES = Array.from({ length: 7 }, (_, number) => `gs-${number}`);
const PAGE = 2;

/** A service that gives two choices at a time; returns what it was asked. */
function serveKind(schema: unknown): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    if (path.startsWith('/api/kinds')) {
      return Response.json({ kinds: schema ? [{ name: 'k', schema }] : [], next: null });
    }
    const start = Number(new URLSearchParams(path.split('?')[1]).get('after'));
    const end = start + PAGE;
    const next = end < NAMES.length ? end : null;
    return Response.json({ options: NAMES.slice(start, end), next });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

it('completes every list that was cut', async () => {
  const cut = { 'x-choices': 'targets', 'x-options': NAMES.slice(0, 3), 'x-options-next': 3 };
  const whole = { 'x-choices': 'versions', 'x-options': ['1.0'] };
  const asked = serveKind({ properties: { a: cut, b: whole }, anyOf: [{ items: cut }] });
  const kind = await loadKind('k');
  const done = { 'x-choices': 'targets', 'x-options': NAMES };
  expect(kind?.schema).toEqual({ properties: { a: done, b: whole }, anyOf: [{ items: done }] });
  expect(asked).toEqual([
    '/api/kinds?name=k',
    '/api/choices?kind=k&name=targets&after=3',
    '/api/choices?kind=k&name=targets&after=5',
  ]);
});

it('asks once where nothing was cut, and knows of no kind that is not listed', async () => {
  const asked = serveKind({ properties: {} });
  expect((await loadKind('k'))?.schema).toEqual({ properties: {} });
  expect(asked).toEqual(['/api/kinds?name=k']);
  serveKind(null);
  expect(await loadKind('k')).toBeUndefined();
});
