"""The job page at a past moment: chosen, linked to, played, and left again."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until

SERVERS = ["gs-001", "gs-002", "gs-003"]


def failed_run(visits: Visits) -> tuple[str, list[dict[str, Any]]]:
    """Return a run in which a server failed, and its events."""
    up = visits.up
    up.fleet.fail("gs-002", "drain")
    job = up.submit(
        "version-update", servers=SERVERS, version=up.other_version(), batch=1, canary=0
    )
    until(lambda: up.rows.has_ended(job), "the end of the run")
    return job, [json.loads(text) for text in up.rows.texts(job)]


def test_a_run_as_it_stood_and_back_to_now(visits: Visits) -> None:
    job, events = failed_run(visits)
    [failure] = [one for one in events if one["type"] == "step.failed"]
    message = failure["data"]["error"]["message"]
    [drained] = [
        one for one in events
        if one["type"] == "step.succeeded" and (one["target"], one["step"]) == ("gs-001", "drain")
    ]  # fmt: skip
    page = visits.page(f"/jobs/{job}?at={drained['seq']}")
    run, bar = JobPage(page, visits.up, job), page.get_by_role("group", name="The run as it stood")
    expect(bar).to_contain_text(f"as of #{drained['seq']} of {len(events)}")
    expect(run.cell("gs-001", "drain")).to_have_class(re.compile("is-succeeded"))
    expect(run.status).to_have_text("running")
    expect(run.cell("gs-002", "drain")).not_to_have_class(re.compile("is-failed"))
    expect(run.stop_button).to_have_count(0)

    bar.get_by_role("button", name="Next failure").click()
    expect(bar).to_contain_text(f"as of #{failure['seq']} of")
    expect(page).to_have_url(re.compile(rf"\?at={failure['seq']}"))
    expect(run.cell("gs-002", "drain")).to_have_class(re.compile("is-failed"))
    expect(run.status).to_have_text("running")

    # The log is searched and filtered up to the moment, not further.
    page.get_by_role("tab", name="Log").click()
    page.get_by_label("Search the output").fill(message)
    hits = page.locator(".log-hits")
    expect(hits).to_have_text(re.compile(r"1 of \d"))
    bar.get_by_label("Moment").fill(str(drained["seq"]))
    expect(hits).to_have_text("none")
    bar.get_by_role("button", name="Next failure").click()
    expect(hits).to_have_text(re.compile(r"1 of \d"))
    page.get_by_role("tab", name="Matrix").click()

    bar.get_by_label("Speed").select_option("100")
    bar.get_by_role("button", name="Play").click()
    expect(bar).to_contain_text(f"as of #{len(events)} of {len(events)}")
    expect(run.status).to_have_text("failed")
    bar.get_by_role("button", name="Back to now").click()
    expect(bar).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"/jobs/{job}#matrix$"))
    run.shows_everything()


def test_the_slider_goes_anywhere_and_the_log_ends_there(visits: Visits) -> None:
    up = visits.up
    job = up.submit("load", events=2500, bytes=40, steps=2)
    until(lambda: up.rows.has_ended(job), "the end of the job")
    page = visits.page(f"/jobs/{job}#log")
    page.get_by_role("button", name="Go back in time").click()
    bar = page.get_by_role("group", name="The run as it stood")
    slider = bar.get_by_label("Moment")
    slider.fill("1500")
    expect(bar).to_contain_text("as of #1,500 of")
    last = page.locator(".line.is-out .line-seq").last
    expect(last).to_have_text("1500")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(bar).to_contain_text("as of #1,499 of")
    expect(last).to_have_text("1499")
    page.reload()
    expect(bar).to_contain_text("as of #1,499 of")
    expect(last).to_have_text("1499")
