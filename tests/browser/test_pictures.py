"""The pictures of the pages. With REPRISE_PICTURES=1 they are kept, in `docs/pictures`:

    REPRISE_PICTURES=1 ./ops/test browser -k pictures

Otherwise the same pictures are made and thrown away, so that this goes on working.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.acceptance.up import ROOT, Up
from tests.browser.conftest import KEEPS_PICTURES
from tests.browser.job_page import JobPage
from tests.browser.visits import PHONE, Visits
from tests.support.waiting import until

MOST_BYTES = 200_000
LEAST_OUTPUT = 230  # px: what it wrote, and not more
LOW: ViewportSize = {"width": 1280, "height": 720}
HIGH: ViewportSize = {"width": 1280, "height": 950}
# In the step that may take ten minutes: the others end by themselves on a busy machine.
HANGING = dict.fromkeys(("gs-006", "gs-007", "gs-008"), "fetch")

Shoot = Callable[[Page, str], None]


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Take a picture of what is in view."""
    folder = ROOT / "docs" / "pictures" if KEEPS_PICTURES else tmp_path
    folder.mkdir(exist_ok=True)

    def shoot(page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
        assert (folder / f"{name}.png").stat().st_size < MOST_BYTES

    return shoot


def test_pictures_of_every_page(visits: Visits, shoot: Shoot) -> None:
    visits.watch.allow(r"WebSocket connection to|net::ERR_INTERNET_DISCONNECTED")
    up = visits.up
    sign_in = visits.page("/sign-in", who=None, viewport=LOW)
    expect(sign_in.get_by_label("User name")).to_be_focused()
    shoot(sign_in, "sign-in")

    some_that_are_over(up)
    page = visits.page("/jobs/new?kind=version-update", viewport=LOW)
    filled_in(page)
    shoot(page, "new-job")

    page.set_viewport_size(HIGH)
    run = a_run_in_the_middle(visits, page)
    submit(up, "1.5.0", ["gs-001"])  # waits for the run
    with_output(run)
    shoot(page, "job")
    page.emulate_media(color_scheme="dark")
    shoot(page, "job-dark")
    page.emulate_media(color_scheme="light")

    phone = visits.page(f"/jobs/{run.job}", **PHONE)
    expect(phone.locator(".matrix-words", has_text="health failed, rolled back")).to_be_visible()
    expect(phone.locator(".connection")).to_contain_text("live over")
    shoot(phone, "job-phone")

    page.set_viewport_size(LOW)
    page.goto("/")
    expect(page.locator(".job.is-waiting")).to_be_visible()
    expect(page.locator(".job.is-cancelled").first).to_be_visible()
    shoot(page, "jobs")
    page.goto("/history")
    expect(page.locator(".history-job", has_text="1.6.0 · 12 servers").first).to_be_visible()
    shoot(page, "history")


def submit(up: Up, version: str, servers: list[str]) -> str:
    """Start an update as somebody signed in; return the job."""
    params = {"servers": servers, "version": version}
    with up.browser() as client:
        answer = client.post("/api/jobs", json={"kind": "version-update", "params": params})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def some_that_are_over(up: Up) -> None:
    """Run a few jobs to their ends: all well, a bad release, one stopped."""
    well, bad = submit(up, "1.5.0", up.servers), submit(up, "1.5.1-broken", ["gs-010", "gs-011"])
    until(lambda: up.rows.has_ended(well) and up.rows.has_ended(bad), "jobs that go by themselves")
    up.fleet.fail("gs-012", "drain", how="hang")
    stopped = submit(up, "1.6.0", ["gs-012"])
    until(lambda: up.rows.events(stopped, "step.output"), "a step that hangs")
    with up.client() as client:
        client.post(f"/api/jobs/{stopped}/cancel").raise_for_status()
    until(lambda: up.rows.has_ended(stopped), "the end of the stopped job")


def filled_in(page: Page) -> None:
    """Fill in the form as far as the start of the run."""
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("Version", exact=True).select_option("1.6.0")
    page.get_by_label("Failures tolerated").fill("2")
    expect(page.locator(".new-job-plan")).to_contain_text("then 4, 4, 3. Stops after 3 failures.")


def a_run_in_the_middle(visits: Visits, page: Page) -> JobPage:
    """Start the form's job; a server fails while the page is offline, and then some hang."""
    up = visits.up
    up.fleet.fail("gs-003", "health")
    for name, step in HANGING.items():
        up.fleet.fail(name, step, how="hang")
    page.get_by_role("button", name="Start job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(page, up, page.url.rpartition("/")[2])
    expect(run.cell("gs-002", "drain")).to_have_class(re.compile("is-(running|succeeded)"))
    page.context.set_offline(True)
    until(lambda: up.rows.events(run.job, "step.failed"), "a server that fails")
    page.context.set_offline(False)

    expect(run.connection).to_contain_text(re.compile(r"resumed from #\d+ at"))
    expect(run.connection).to_contain_text("live over")
    expect(run.cell("gs-003", "rollback")).to_contain_text("rolled back")
    for name, step in HANGING.items():
        expect(run.cell(name, step)).to_have_class(re.compile("is-running"))
    expect(run.cell("gs-009", "undrain")).to_have_class(re.compile("is-succeeded"))
    expect(run.head).to_contain_text("5 succeeded · 1 failed (1 more tolerated) · 6 left")
    return run


def with_output(run: JobPage) -> None:
    """Open what the failed step wrote, and leave the matrix more room than it takes by itself."""
    run.cell("gs-003", "health").click()
    output, page = run.page.locator("reprise-output"), run.page
    expect(output).to_contain_text("try 5 of 5")
    page.get_by_role("separator", name="Height of the output").focus()
    while height_of(output) > LEAST_OUTPUT:
        before = height_of(output)
        page.keyboard.press("ArrowDown")
        page.wait_for_function(
            "(before) => document.querySelector('reprise-output').offsetHeight < before", arg=before
        )
    run.cell("gs-003", "health").focus()


def height_of(output: Locator) -> int:
    """Return the pixels of the screen that the output takes."""
    return int(output.evaluate("element => element.offsetHeight"))
