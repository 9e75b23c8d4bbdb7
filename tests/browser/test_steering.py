"""What goes otherwise than planned: a run is stopped, a server is busy, a server fails."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits


def test_a_run_is_stopped_by_its_button(visits: Visits) -> None:
    up = visits.up
    up.fleet.fail("gs-001", "health", how="hang")
    before, version = up.fleet.version("gs-001")["version"], up.other_version()
    run = JobPage.open(visits.page(), up, up.update(version))
    expect(run.cell("gs-001", "health")).to_have_class(re.compile("is-running"))

    run.stop_button.click()
    asked = run.page.get_by_role("dialog")
    expect(asked.get_by_role("heading")).to_have_text(f"Stop “Update to {version} · 12 servers”?")
    expect(asked).to_contain_text("11 servers not started yet stay unchanged.")
    asked.get_by_role("button", name="Keep it running").click()
    expect(asked).to_have_count(0)
    expect(run.status).to_have_text("running")

    run.stop_button.click()
    asked.get_by_role("button", name="Stop run").click()
    expect(run.status).to_have_text("cancelled")
    expect(run.stop_button).to_have_count(0)
    expect(run.ended).to_contain_text("Stopped on request. 0 of 12 servers run")
    expect(run.cell("gs-001", "rollback")).to_contain_text("rolled back")
    expect(run.cell("gs-012", "preflight")).to_be_empty()
    run.shows_everything()
    assert up.fleet.version("gs-001")["version"] == before
    assert up.rows.events(run.job, "job.cancel_requested")[0]["actor"] == "user:demo"


def test_a_second_job_for_a_busy_server_says_what_it_waits_for(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    up.fleet.fail("gs-002", "fetch", how="hang")
    holder = JobPage.open(visits.page(), up, up.update(version, ["gs-002"]))
    expect(holder.cell("gs-002", "fetch")).to_have_class(re.compile("is-running"))

    second = JobPage.open(visits.page(), up, up.update(version, ["gs-001", "gs-002"]))
    expect(second.status).to_have_text("waiting")
    notice = second.page.locator(".notice")
    expect(notice).to_contain_text(re.compile("Waiting for gs-002, held by"))
    held_by = notice.get_by_role("link", name=f"#{holder.job[-8:]} Update to {version} · gs-002")
    expect(held_by).to_have_attribute("href", f"/jobs/{holder.job}")

    holder.stop_button.click()
    holder.page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    expect(holder.status).to_have_text("cancelled")
    expect(second.ended).to_contain_text(f"2 servers run {version}.")
    expect(second.status).to_have_text("succeeded")
    expect(notice).to_have_count(0)
    second.shows_everything()
    holder.shows_everything()


def test_a_job_that_waits_is_cancelled_before_it_begins(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    up.fleet.fail("gs-002", "fetch", how="hang")
    holder = up.update(version, ["gs-002"])
    page = visits.page()
    fetch = JobPage.open(page, up, holder).cell("gs-002", "fetch")
    expect(fetch).to_have_class(re.compile("is-running"))

    run = JobPage.open(page, up, up.update(version, ["gs-002"]))
    expect(run.status).to_have_text("waiting")
    page.get_by_role("button", name="Cancel job").click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("It has not started, so nothing was changed on any server.")
    asked.get_by_role("button", name="Cancel job").click()
    expect(run.status).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)
    run.shows_everything()
    assert not up.rows.has_ended(holder)


def test_a_failing_server_is_rolled_back_and_the_next_act_is_near(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    up.fleet.fail("gs-003", "health")
    servers = up.servers[:4]
    before = up.fleet.version("gs-003")["version"]
    job = up.update(version, servers, batch=2, max_failures=2)
    run = JobPage.open(visits.page(), up, job)
    expect(run.status).to_have_text("failed")
    expect(run.head).to_contain_text("3 succeeded · 1 failed · 0 left")
    expect(run.cell("gs-003", "health")).to_have_class(re.compile("is-failed"))
    expect(run.cell("gs-003", "rollback")).to_have_class(re.compile("is-rolled-back"))
    expect(run.ended).to_contain_text(
        f"1 of 4 servers failed: gs-003. 3 of 4 servers run {version} now."
    )
    run.page.get_by_role("button", name="Failed 1").click()
    expect(run.page.locator(".matrix-row:not(.matrix-head)")).to_have_count(1)
    run.page.get_by_role("button", name="All 4").click()

    run.ended.get_by_role("link", name="gs-003").click()
    output = run.page.locator("reprise-output")
    expect(output).to_contain_text("told to fail on the control port")
    expect(run.page).to_have_url(re.compile(r"#matrix/gs-003/health$"))
    expect(output.locator(".log-lines [class*=ansi]").first).to_be_visible()
    run.shows_everything()
    assert up.fleet.version("gs-003")["version"] == before

    run.ended.get_by_role("link", name="Run again").click()
    page = run.page
    expect(page.get_by_label("Version", exact=True)).to_have_value(version)
    expect(page.get_by_label("Batch size")).to_have_value("2")
    expect(page.get_by_label("Failures tolerated")).to_have_value("2")
    for name in up.servers:
        expect(page.get_by_label(name)).to_be_checked(checked=name in servers)
    expect(page.locator(".new-job-plan")).to_contain_text("4 servers in 3 batches")
