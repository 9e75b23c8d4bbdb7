"""The history page shows who gave whom which role, and leads to the system's own log."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visits import Visits
from tests.support.waiting import until

FED = "select count(*) from jobs_feed join jobs_event using (job, seq) where type = %s"


def test_who_gave_whom_which_role(visits: Visits) -> None:
    page = visits.page("/admin/auth/user/add/")
    page.fill("[name=username]", "gwen")
    page.fill("[name=password1]", "correct horse battery")
    page.fill("[name=password2]", "correct horse battery")
    page.click("[name=_save]")
    before = visits.up.rows.all(FED, "system.granted")
    page.select_option("#id_groups_from", label="auditor")
    page.click("#id_groups_add")
    page.click("[name=_save]")
    until(lambda: visits.up.rows.all(FED, "system.granted") > before, "the event in the feed")

    page.goto("/history")
    page.select_option(".filters [name=kind]", label="System")
    page.select_option(".filters [name=type]", "system.granted")
    page.click(".filters button")
    expect(page.locator(".event-what").first).to_contain_text("Gave user gwen the role auditor")
    page.get_by_role("link", name="Open job").first.click()
    expect(page.locator(".notice")).to_contain_text("the next event of the system")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Events")
