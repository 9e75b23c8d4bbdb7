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
    assert rows.count() < 1000  # those near the view
    matrix.get_by_role("searchbox", name="Find a server").fill(LAST)
    expect(rows).to_have_count(1)
    matrix.get_by_role("searchbox", name="Find a server").fill("")
    matrix.locator(".matrix").evaluate("(element) => { element.scrollTop = element.scrollHeight }")
    expect(rows.last).to_contain_text(re.compile(LAST))
    expect(rows.last).to_be_in_viewport()
