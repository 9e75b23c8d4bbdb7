"""The job page has the history checked, and says what came of it."""

from __future__ import annotations

from uuid import UUID

import psycopg
from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.intruder import Intruder
from tests.support.waiting import until


def test_a_history_is_verified_and_a_forged_one_is_not(visits: Visits) -> None:
    up = visits.up
    job = up.submit("load", events=1200, steps=2, bytes=40)
    until(lambda: up.rows.has_ended(job), "the end of the job")
    page = visits.page()
    JobPage.open(page, up, job)
    asked = page.locator("reprise-verify")
    asked.get_by_role("button", name="verify the history").click()
    head = f"{up.rows.head(job):,}\u00a0events verified"
    expect(asked.get_by_role("status")).to_have_text(head)

    with psycopg.connect(up.ready["superuser_database_url"], autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        Intruder(connection).change(UUID(job), 1100, '"type"', '"tipe"')
        asked.get_by_role("button", name="verify the history again").click()
        expect(asked.get_by_role("status")).to_contain_text(
            "the history was changed, from #1,100 on"
        )
        expect(asked.get_by_role("status")).to_contain_text("Event 1100 was changed")
        Intruder(connection).change(UUID(job), 1100, '"tipe"', '"type"')
