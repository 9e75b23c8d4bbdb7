import { afterEach, expect, it, vi } from 'vitest';
import { csrfToken, fetchJobs, fetchRetries } from '../../src/elements/api';

const IDS = ['g', 'f', 'e', 'd', 'c', 'b', 'a'];
const PAGE = 3;

/** A service that answers with no more than three jobs at a time; returns what it was asked. */
function serveJobs(unknown = ''): URLSearchParams[] {
  const asked: URLSearchParams[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    const query = new URLSearchParams(path.split('?')[1]);
    asked.push(query);
    if (query.has(unknown)) {
      return Response.json({ code: 'bad_request', detail: `Unknown: ${unknown}` }, { status: 400 });
    }
    const start = IDS.indexOf(query.get('cursor') ?? '') + 1;
    const ids = IDS.slice(start, start + Math.min(PAGE, Number(query.get('limit'))));
    const next = start + ids.length < IDS.length ? ids.at(-1) : null;
    return Response.json({ jobs: ids.map((id) => ({ id })), next, position: asked.length });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

it('asks on where an answer has fewer jobs than were asked for', async () => {
  const asked = serveJobs();
  const answer = await fetchJobs(new URLSearchParams({ status: 'running' }), 5);
  expect(answer.jobs.map((job) => job.id)).toEqual(IDS.slice(0, 5));
  // Of several answers: what the first one missed comes in the feed after its position.
  expect([answer.next, answer.position]).toEqual(['c', 1]);
  expect(asked.map(String)).toEqual([
    'status=running&brief=true&limit=5',
    'status=running&brief=true&limit=2&cursor=e',
  ]);
});

it('asks a server without counts for the list alone, as there may be one during an upgrade', async () => {
  const asked = serveJobs('counts');
  const answer = await fetchJobs(new URLSearchParams({ counts: 'true' }), 2);
  expect(answer.jobs.map((job) => job.id)).toEqual(IDS.slice(0, 2));
  expect(asked.map(String)).toEqual(['counts=true&brief=true&limit=2', 'brief=true&limit=2']);
  serveJobs('brief');
  await expect(fetchJobs(new URLSearchParams({ counts: 'true' }), 2)).rejects.toThrow('Unknown');
});

it('ends with the list', async () => {
  serveJobs();
  expect((await fetchRetries('0')).map((job) => job.id)).toEqual(IDS);
  expect((await fetchJobs(new URLSearchParams(), 200)).next).toBeNull();
});

it.each([
  ['reprise_csrf=abc', 'abc'],
  ['a=b; __Host-reprise_csrf=abc; c=d', 'abc'],
  ['xreprise_csrf=abc', 'of the page'],
  ['', 'of the page'],
])('sends the CSRF token of the cookies %o', (cookie, token) => {
  vi.stubGlobal('document', { cookie, querySelector: () => ({ content: 'of the page' }) });
  expect(csrfToken()).toBe(token);
});
