"""A run that failed goes on as a new job: the dialog says what is kept, and the page shows it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.job_page import STEPS, JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until


def test_a_failed_run_is_resumed_from_its_failed_step(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    servers = up.servers[:3]
    up.fleet.fail(servers[1], "preflight")
    job = up.update(version, servers, batch=3, canary=0, max_failures=2)
    until(lambda: up.rows.has_ended(job), "the failed job")
    run = JobPage.open(visits.page(), up, job)
    page = run.page
    expect(run.status).to_have_text("failed")

    page.get_by_role("button", name="Resume from the failed step").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_role("heading")).to_have_text("Resume from step preflight?")
    expect(asked).to_contain_text("A new job keeps 14 recorded steps and does not run them again.")
    expect(asked).to_contain_text(f"{servers[1]}: from the beginning.")
    asked.get_by_role("button", name="Not now").click()
    expect(asked).to_have_count(0)

    page.get_by_role("button", name="Resume from the failed step").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    page.wait_for_url(lambda address: address.endswith(job) is False)
    again = JobPage(page, up, page.url.rsplit("/", 1)[1])
    expect(again.status).to_have_text("succeeded")
    expect(again.head.get_by_role("heading")).to_contain_text("from step preflight")
    expect(again.head).to_contain_text(re.compile(rf"goes on from event \d+ of #{job[-8:]}"))
    for step in STEPS:
        expect(again.cell(servers[0], step)).to_contain_text("kept")
        expect(again.cell(servers[1], step)).not_to_contain_text("kept")
    again.cell(servers[0], "fetch").click()
    expect(page.locator("reprise-output")).to_contain_text("fetch kept, not run again: succeeded")
    again.shows_everything()
    assert {up.fleet.version(name)["version"] for name in servers} == {version}

    run = JobPage.open(page, up, job)
    expect(run.ended).to_contain_text(f"Resumed by demo as #{again.job[-8:]}")
