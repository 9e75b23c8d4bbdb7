"""Whatever cuts a page off in mid-run, it resumes from its cursor, says so and has everything."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until

SOME = 40  # events
CUT_OFF = r"WebSocket connection to|/stream|/events\?|net::ERR_"


def started(visits: Visits, folder: Path) -> JobPage:
    """Start a run that says something and then waits, and watch it as far as that."""
    up, part = visits.up, {"one": [f"line {number}\n" for number in range(SOME)]}
    job = up.submit("test-talk", parts=[part, part], folder=str(folder))
    run = JobPage.open(visits.page("/"), up, job)
    run.comes_to(SOME)
    return run


def goes_on(run: JobPage, folder: Path) -> None:
    """Let the run say the rest, and wait until it has."""
    (folder / "1").touch()
    until(lambda: run.up.rows.has_ended(run.job), "the run's end")


def test_a_page_that_is_reloaded_goes_on_and_says_what_it_caught_up_on(
    visits: Visits, tmp_path: Path
) -> None:
    run = started(visits, tmp_path)
    run.page.reload()
    left = run.comes_to(SOME)
    run.has_noted(left)
    run.page.goto("about:blank")
    goes_on(run, tmp_path)
    run.page.goto(f"/jobs/{run.job}")

    resumed = re.compile(r"resumed from #(\d+), seen at [\d:]+: (\d+)\sevents caught up")
    expect(run.connection).to_contain_text(resumed)
    [(at, caught_up)] = resumed.findall(run.connection.inner_text())
    assert int(at) >= left
    assert int(caught_up) >= SOME
    run.shows_everything()
    expect(run.status).to_have_text("succeeded")


def test_a_device_that_was_offline_resumes_from_its_cursor(visits: Visits, tmp_path: Path) -> None:
    visits.watch.allow(CUT_OFF)
    run = started(visits, tmp_path)
    run.page.context.set_offline(True)
    expect(run.connection).to_contain_text("this device is offline; the run continues")
    cut = run.seq()
    goes_on(run, tmp_path)
    assert run.seq() == cut
    run.page.context.set_offline(False)

    resumed = re.compile(rf"resumed from #{cut} at\s+[\d:]+, (\d+)\sevents caught up")
    expect(run.connection).to_contain_text(resumed)
    [caught_up] = resumed.findall(run.connection.inner_text())
    assert int(caught_up) >= SOME
    run.shows_everything()
    expect(run.connection).to_contain_text(resumed)


def test_a_killed_web_process_costs_the_page_nothing(visits: Visits, tmp_path: Path) -> None:
    visits.watch.allow(CUT_OFF)
    run, killed = started(visits, tmp_path), visits.up.web_pid()
    os.kill(killed, signal.SIGKILL)
    goes_on(run, tmp_path)

    expect(run.connection).to_contain_text(re.compile(r"resumed from #\d+ at\s+[\d:]+, \d+\sevent"))
    run.shows_everything()
    assert visits.up.web_pid() != killed
    assert run.up.rows.events(run.job, "attempt.started")[-1]["attempt"] == 1
    expect(run.status).to_have_text("succeeded")
