"""A rollout over a thousand targets, in the matrix: found, filtered, opened, to the last row."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.kinds import BAD_TARGET
from tests.browser.visits import Visits

LAST = "target-0999"


def test_a_thousand_targets_in_the_matrix(visits: Visits) -> None:
    job = visits.up.submit("test-wide", targets=1000)
    run = JobPage.open(visits.page(), visits.up, job)
    matrix = run.page.locator("reprise-matrix")
    show = matrix.get_by_role("group", name="Which servers")
    expect(show.get_by_role("button", name="All")).to_contain_text("1,000")
    run.completes()
    expect(run.status).to_have_text("failed")
    expect(run.ended).to_contain_text("One is loose.")

    show.get_by_role("button", name="Failed").click()
    rows = matrix.locator(".matrix-rows > [role=row]")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(BAD_TARGET)
    run.cell(BAD_TARGET, "touch").click()
    expect(run.page.locator("reprise-job")).to_contain_text("it is loose")
    show.get_by_role("button", name="All").click()
    expect(rows).to_have_count(1)  # the group is folded down to what has failed
    expect(matrix.locator(".is-foldable")).to_contain_text("999 succeeded · 1 failed · median")
    matrix.get_by_label("Order of the servers").select_option("Failed first")
    expect(rows.first).to_contain_text(BAD_TARGET)
    expect(rows.nth(1)).to_contain_text("target-0000")
    assert rows.count() < 1000  # those near the view
    matrix.get_by_role("searchbox", name="Find a server").fill(LAST)
    expect(rows).to_have_count(1)
    matrix.get_by_role("searchbox", name="Find a server").fill("")
    matrix.locator(".matrix").evaluate("(element) => { element.scrollTop = element.scrollHeight }")
    expect(rows.last).to_contain_text(re.compile(LAST))
    expect(rows.last).to_be_in_viewport()


def test_tiles_are_one_stop_and_arrows_move_between_them(visits: Visits) -> None:
    job = visits.up.submit("test-wide", targets=200)
    run = JobPage.open(visits.page(), visits.up, job)
    page, keys = run.page, run.page.keyboard
    run.completes()
    tiles = page.get_by_role("listbox", name="Overview of 200 servers")
    active = tiles.get_by_role("option")
    page.get_by_label("Order of the servers").focus()
    keys.press("Tab")
    expect(tiles).to_be_focused()
    expect(active).to_have_accessible_name("target-0000 · all · succeeded")
    keys.press("ArrowRight")
    expect(active).to_have_attribute("aria-posinset", "2")
    keys.press("ArrowDown")
    expect(active).to_have_attribute("aria-posinset", re.compile(r"^1\d\d$"))
    keys.press("End")
    expect(active).to_have_accessible_name("target-0199 · all · succeeded")
    keys.press("Enter")
    expect(page.locator("reprise-output").get_by_role("heading")).to_have_text("target-0199")
    keys.press("Escape")
    expect(page.locator("reprise-output")).to_have_count(0)
    expect(tiles).to_be_focused()

    keys.press("Tab")
    expect(page.get_by_role("rowheader", name="all")).to_be_focused()
    keys.press("Enter")
    rows = page.locator(".matrix-rows > [role=row]")
    expect(rows.first).to_have_attribute("data-target", "target-0000")
    keys.press("ArrowDown")
    expect(rows.first).to_be_focused()


def test_a_kind_with_one_step_shows_result_time_and_last_line(visits: Visits) -> None:
    up = visits.up
    line = 'test "$REPRISE_TARGET" != gs-002 || { echo "no disk" >&2; exit 3; }; echo all well'
    names = up.servers[:3]
    job = up.submit("command", targets=names, command=line, max_failures=3)
    run = JobPage.open(visits.page(), up, job)
    run.completes()
    rows = run.page.locator(".matrix-rows > [role=row]")
    expect(rows.nth(0)).to_contain_text(re.compile(r"gs-001.*succeeded.*all well", re.DOTALL))
    expect(rows.nth(1)).to_contain_text(re.compile(r"gs-002.*failed.*no disk", re.DOTALL))
