"""A picture of each of the twelve changes of the pages, for `docs/pictures/changes`:

    REPRISE_PICTURES=1 ./ops/test browser -k change_pictures

Otherwise the same pictures are made and thrown away. The pictures before come from the same scenes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.acceptance.up import ROOT, Up
from tests.browser.conftest import KEEPS_PICTURES
from tests.browser.visits import PHONE, Visits
from tests.support.waiting import until

MOST_BYTES = 120_000
DESK: ViewportSize = {"width": 1280, "height": 720}
WIDE: ViewportSize = {"width": 1920, "height": 640}
COMPLETE = re.compile(r"complete over.*#\d", re.DOTALL)
LINE = 'test "$REPRISE_TARGET" != gs-003 || { echo "no disk" >&2; exit 3; }; uptime'

Shoot = Callable[..., None]


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Take a picture of a change: what is in view, or the upper part of it."""
    folder = ROOT / "docs" / "pictures" / "changes" if KEEPS_PICTURES else tmp_path
    folder.mkdir(exist_ok=True)

    def shoot(page: Page, change: str, height: int | None = None) -> None:
        path = folder / f"{change}-after.png"
        page.evaluate("document.fonts.ready")
        width = page.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height} if height else None
        page.screenshot(path=path, animations="disabled", clip=clip)  # type: ignore[arg-type]
        assert path.stat().st_size < MOST_BYTES

    return shoot


def test_change_pictures(visits: Visits, shoot: Shoot) -> None:
    up = visits.up
    up.fleet.fail("gs-003", "health")
    updated = up.update(up.other_version(), max_failures=3, batch=4, canary=1)
    commands = up.submit("command", targets=["group:demo"], command=LINE, max_failures=3)
    wide = up.submit("test-wide", targets=1000)
    long = up.submit("load", events=100_000, steps=100)
    page = visits.page("/", viewport=DESK)

    ends(up, updated)
    page.goto(f"/jobs/{updated}#log")
    is_complete(page)
    expect(page.locator(".line").first).to_be_visible()
    shoot(page, "01", 420)
    shoot(page, "04", 560)
    page.locator(".line-seq").nth(3).click()
    shoot(page, "03", 420)
    page.goto(f"/jobs/{updated}")
    page.reload()
    is_complete(page)
    shoot(page, "05", 320)
    shows_details(page)
    shoot(page, "06", 420)
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)
    page.locator('[data-target="gs-003"][data-step="health"]').click()
    expect(page.locator("reprise-output")).to_contain_text("try 5 of 5")
    shoot(page, "09", 440)
    page.set_viewport_size(DESK)

    ends(up, commands)
    page.goto(f"/jobs/{commands}")
    is_complete(page)
    shoot(page, "08", 480)

    ends(up, wide)
    page.goto(f"/jobs/{wide}")
    expect(page.locator("reprise-matrix")).to_contain_text("1,000")
    is_complete(page)
    shoot(page, "07", 480)
    phone = visits.page(f"/jobs/{wide}", **PHONE)
    is_complete(phone)
    shoot(phone, "07-phone")

    ends(up, long)
    page.goto(f"/jobs/{long}#log")
    expect(page.locator(".line").first).to_be_visible()
    shoot(page, "02", 420)

    a_list_of_jobs(up)
    page.goto("/")
    expect(page.locator(".job.is-waiting").first).to_be_visible()
    shoot(page, "10", 560)
    page.goto("/history")
    expect(page.locator(".history")).to_be_visible()
    shoot(page, "11", 500)
    phone.goto("/history")
    shoot(phone, "11-phone")
    page.emulate_media(media="print")
    shoot(page, "11-print", 440)
    page.emulate_media(media="screen")
    page.goto("/targets")
    expect(page.get_by_role("link", name="gs-001").first).to_be_visible()
    shoot(page, "12", 560)


def is_complete(page: Page) -> None:
    """Wait until the page has drawn all that the run has written."""
    expect(page.locator(".connection")).to_contain_text(COMPLETE)


def ends(up: Up, job: str) -> None:
    until(lambda: up.rows.has_ended(job), "a job that goes by itself")


def shows_details(page: Page) -> None:
    """Open what is beside the id of the job."""
    details = page.get_by_text("Details", exact=True)
    if details.count():
        details.click()


def a_list_of_jobs(up: Up) -> None:
    """Let jobs be there that wait: one for an answer, one for targets that another one holds."""
    held = up.submit("test-careful", servers=up.servers[:3], seconds=1)
    up.submit("command", targets=["gs-001"], command="uptime")
    until(lambda: up.job(held)["status"] == "waiting", "a question")
