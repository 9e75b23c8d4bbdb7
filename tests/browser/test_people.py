"""People bring a run on: they pause and resume it, open its gate or not, retry it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.job_page import JobPage
from tests.browser.people import SECOND, VIEWER
from tests.browser.visits import PHONE, Visits

KIND = "test-careful"


def answer(page: Page, act: str, reason: str = "") -> None:
    """Fill in the dialog that is open and press Enter."""
    field = page.get_by_role("dialog").get_by_label("Reason, for the history (optional)")
    expect(field).to_be_focused()
    field.fill(reason)
    expect(page.get_by_role("dialog").get_by_role("button", name=act)).to_be_visible()
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_run_is_paused_and_resumed_by_the_keyboard(visits: Visits, tmp_path: Path) -> None:
    up, go = visits.up, tmp_path / "go"
    job = up.submit(KIND, servers=up.servers[:2], hold=str(go))
    run = JobPage.open(visits.page(), up, job)
    page = run.page
    expect(run.cell("gs-001", "touch")).to_have_class(re.compile("is-running"))
    pause = page.get_by_role("button", name="Pause")
    pause.focus()
    page.keyboard.press("Enter")
    asked = page.get_by_role("dialog")
    expect(asked.get_by_role("heading")).to_have_text("Pause “Careful round”?")
    expect(asked).to_contain_text("1 server is in the middle of the steps and stays there")
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(pause).to_be_focused()
    page.keyboard.press("Enter")
    answer(page, "Pause run", "The network is slow.")

    expect(run.status).to_have_text("paused")
    go.touch()
    expect(run.notice).to_contain_text(re.compile(r"Paused by demo .*: The network is slow\."))
    expect(pause).to_have_count(0)
    expect(run.stop_button).to_be_visible()
    expect(page.locator("reprise-matrix [role=gridcell].is-running")).to_have_count(0)
    [paused] = up.rows.events(run.job, "job.paused")
    begun = up.rows.events(run.job, "step.started")
    assert all(step["seq"] < paused["seq"] for step in begun)

    page.goto("/?status=paused")
    expect(page.get_by_role("button", name="Paused")).to_have_attribute("aria-pressed", "true")
    page.locator(f'.job.is-paused a[href="/jobs/{run.job}"]').click()
    page.get_by_role("button", name="Resume").click()
    expect(run.cell("gs-001", "look")).to_have_class(re.compile("is-succeeded"))
    expect(run.notice).to_contain_text("Waits for approval")  # it has gone on to its gate
    resumed = up.rows.events(run.job, "job.resumed")
    assert [event["actor"] for event in resumed] == ["user:demo"]

    run.stop_button.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    expect(run.ended).to_contain_text("Stopped on request.")
    run.shows_everything()


def test_somebody_else_approves(visits: Visits) -> None:
    up = visits.up
    own, others, viewers = visits.page(), visits.page(who=SECOND), visits.page(who=VIEWER)
    own.goto(f"/jobs/new?kind={KIND}")
    own.get_by_label("gs-001").check()
    own.get_by_label("gs-002").check()
    own.get_by_role("button", name="Start job").click()
    own.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(own, up, own.url.rpartition("/")[2])
    words = "Waits for approval at the gate “canary”: Does gs-001 look well?"
    limits = "Somebody other than demo, who submitted the job, must answer."
    for page in (own, JobPage.open(viewers, up, run.job).page):
        expect(page.locator(".gate")).to_contain_text(words)
        expect(page.locator(".gate")).to_contain_text(limits)
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    others.goto("/")
    row = others.locator(".job.is-waiting", has=others.locator(f'a[href="/jobs/{run.job}"]'))
    expect(row).to_contain_text("needs approval")
    row.get_by_role("link").click()
    others.get_by_role("button", name="Approve").click()
    asked = others.get_by_role("dialog")
    expect(asked).to_contain_text("The run asks: Does gs-001 look well?")
    expect(asked.locator(".gate-facts")).to_contain_text(re.compile(r"Submitted by\s*demo"))
    answer(others, "Approve", "It does.")
    expect(run.status).to_have_text("succeeded")
    expect(run.cell("gs-002", "look")).to_have_class(re.compile("is-succeeded"))
    run.shows_everything()
    [approved] = up.rows.events(run.job, "job.approved")
    assert (approved["actor"], approved["data"]["reason"]) == ("user:otto", "It does.")


def test_a_run_that_is_rejected_fails_and_is_retried_by_the_second_person(visits: Visits) -> None:
    up = visits.up
    job = up.submit(KIND, servers=up.servers[:3])
    page = visits.page(who=SECOND, **PHONE)
    run = JobPage.open(page, up, job)
    page.get_by_role("button", name="Reject").tap()
    answer(page, "Reject", "Too slow")
    expect(run.ended).to_contain_text("Rejected at the gate canary by otto: Too slow.")

    page.get_by_role("button", name="Retry 2 servers not done").tap()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("A new job repeats the run on gs-002 and gs-003.")
    asked.get_by_role("button", name="Start retry").tap()
    page.wait_for_url(lambda url: url.endswith(job) is False)
    again = JobPage(page, up, page.url.rpartition("/")[2])
    expect(again.head).to_contain_text(f"retry of #{job[-8:]}")
    expect(again.notice).to_contain_text("Does gs-002 look well?")
    page.get_by_role("link", name=f"#{job[-8:]}").tap()
    expect(run.ended).to_contain_text(f"Retried by otto as #{again.job[-8:]}")
    assert up.job(again.job)["params"]["servers"] == ["gs-002", "gs-003"]


def test_failed_servers_are_retried_alone(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    up.fleet.fail("gs-003", "health")
    job = up.update(version, up.servers[:4], batch=2, max_failures=2)
    run = JobPage.open(visits.page(), up, job)
    page = run.page
    page.get_by_role("button", name="Retry 1 failed server").click()
    page.get_by_role("dialog").get_by_role("button", name="Start retry").click()
    expect(run.status).to_have_text("succeeded")
    again = JobPage(page, up, page.url.rpartition("/")[2])
    assert again.job != job
    expect(again.ended).to_contain_text(f"1 server runs {version}.")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Update to {version} · gs-003")
    again.shows_everything()
    assert up.fleet.version("gs-003")["version"] == version
