"""Many tabs of one browser where only HTTP/1.1 passes: all have everything, acts are answered."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until

TABS, JOBS = 20, 10
HALF = 30  # events
IS_LIVE = "() => document.querySelector('reprise-job')?.follower?.info.state === 'live'"
TRANSPORT = "() => document.querySelector('reprise-job').follower.info.transport"
ENDED = "() => document.querySelector('reprise-job')?.follower?.info.state === 'ended'"
FOUND = """
() => {
  const { seq, duplicates, gaps } = document.querySelector('reprise-job').follower.info;
  return { seq, duplicates, gaps };
}
"""
DENIED = """
const deny = () => { throw new DOMException('denied', 'SecurityError'); };
Object.defineProperty(Navigator.prototype, 'locks', { get: deny });
for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get: deny });
"""


def without_websocket(visits: Visits) -> BrowserContext:
    """Return a profile in which no WebSocket gets through."""
    context = visits.context()
    context.route_web_socket("**", lambda socket: socket.close())
    return context


def opened(context: BrowserContext, job: str) -> Page:
    """Open a tab at a job, and wait until it has everything."""
    page = context.new_page()
    page.goto(f"/jobs/{job}")
    page.wait_for_function(IS_LIVE)
    assert page.evaluate(TRANSPORT) != "WebSocket"
    return page


def stop(page: Page) -> None:
    """Stop a run as people do, and wait for the answer."""
    with page.expect_response(lambda answer: answer.url.endswith("/cancel")) as answer:
        page.get_by_role("button", name="Stop run").click()
        page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    assert answer.value.status == 202


def waiting_jobs(visits: Visits, count: int) -> list[str]:
    """Return jobs that have half of their events and wait for somebody."""
    jobs = [visits.up.submit("test-halves", events=HALF) for _ in range(count)]
    until(lambda: {visits.up.rows.status(job) for job in jobs} == {"waiting"}, "the first half")
    return jobs


def approve(visits: Visits, jobs: list[str]) -> None:
    """Have jobs say the rest."""
    with visits.up.client() as client:
        for job in jobs:
            client.post(f"/api/jobs/{job}/approve").raise_for_status()


def has_everything(visits: Visits, page: Page, job: str, status: str = "succeeded") -> None:
    """Wait until a tab shows that its job is over; it has each event once."""
    page.wait_for_function(ENDED)
    expect(JobPage(page, visits.up, job).status).to_have_text(status)
    head = visits.up.rows.head(job)
    assert page.evaluate(FOUND) == {"seq": head, "duplicates": 0, "gaps": 0}


def test_twenty_tabs_of_ten_jobs(visits: Visits) -> None:
    jobs = waiting_jobs(visits, JOBS)
    context = without_websocket(visits)
    tabs = [(job, opened(context, job)) for job in jobs * (TABS // JOBS)]
    other = context.new_page()
    other.goto(f"/jobs/{jobs[0]}")  # the next document is not blocked
    stop(tabs[-1][1])
    approve(visits, jobs[:-1])
    for job, page in tabs:
        has_everything(visits, page, job, "cancelled" if job == jobs[-1] else "succeeded")


def test_an_act_is_answered_beside_six_tabs(visits: Visits) -> None:
    jobs = waiting_jobs(visits, 6)
    context = without_websocket(visits)
    for page in [opened(context, job) for job in jobs]:
        stop(page)
    until(lambda: {visits.up.rows.status(job) for job in jobs} == {"cancelled"}, "the stops")


def test_tabs_work_without_storage_and_locks(visits: Visits) -> None:
    [job] = waiting_jobs(visits, 1)
    context = without_websocket(visits)
    context.add_init_script(DENIED)
    pages = [opened(context, job) for _ in range(2)]
    approve(visits, [job])
    for page in pages:
        has_everything(visits, page, job)
