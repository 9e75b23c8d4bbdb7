"""A kind in figures, a target's story, and two runs compared, as people come to them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_axe import holds
from tests.browser.visits import Visits
from tests.support.waiting import until

ROWS = "select count(*) from jobs_steprun where job_id = %s and status = 'succeeded'"


def new_figures(visits: Visits) -> str:
    """Return a job that is newer than all others and of whose steps the sweeper has made rows."""
    up = visits.up
    job = up.update(up.other_version(), up.servers[:2])
    until(lambda: up.rows.has_ended(job), "the job")
    steps = "select count(*) from jobs_event where job = %s and type = 'step.succeeded'"
    until(lambda: up.rows.all(ROWS, job) == up.rows.all(steps, job), "the rows of the job's steps")
    return job


def test_a_kind_is_drawn_and_leads_to_its_targets(visits: Visits) -> None:
    newest = new_figures(visits)  # a target's page names the latest fifty jobs
    page = visits.page("/kinds/version-update")
    expect(page.get_by_role("heading", level=1)).to_contain_text("in figures")
    expect(page.locator("reprise-durations canvas")).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.locator(".as-table tbody tr")).not_to_have_count(0)
    expect(page.get_by_role("heading", name="Where it fails")).to_be_visible()
    holds(page)
    page.get_by_role("link", name="365 days").click()
    expect(page.get_by_text("in the last 365 days")).to_be_visible()
    name = visits.up.servers[0]
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(f'a[href="/jobs/{newest}"]').first).to_be_visible()
    holds(page)


def test_other_pages_do_not_load_what_draws(visits: Visits) -> None:
    page = visits.page("/")
    expect(page.locator("reprise-jobs")).to_be_visible()
    assert not drawing_scripts(page)
    page.goto("/kinds/version-update")
    expect(page.get_by_role("heading", level=1)).to_contain_text("in figures")


def drawing_scripts(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.name)"
        ".filter((name) => name.includes('durations-chart'))"
    )
    return found


def test_two_runs_compared(visits: Visits, finished: str) -> None:
    page = visits.page(f"/jobs/{finished}/compare/{finished}")
    expect(page.get_by_text("ended in the same way")).to_be_visible()
    expect(page.get_by_role("row", name=visits.up.servers[0]).first).to_be_visible()
    holds(page)
