"""The console's pages in a browser: one visit each, by keyboard, on a phone, without a script."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.people import DEMO, SECOND
from tests.browser.visits import PHONE, Visits

LISTS = (
    "/targets", "/schedules", "/schedules/week", "/people", "/teams", "/credentials", "/webhooks",
    "/history", "/find", "/help",
)  # fmt: skip
FORMS = ("/inventory/new", "/schedules/new", "/people/new", "/teams/new", "/credentials/new")


def test_the_demo_user_meets_no_refusal_and_no_page_is_wider_than_a_phone(visits: Visits) -> None:
    page = visits.page("/", **PHONE)
    page.get_by_text("More", exact=True).click()
    for name in ("Targets", "Schedules", "People", "Webhooks and notices", "System log"):
        expect(page.locator(".bar-nav").get_by_role("link", name=name)).to_be_visible()
    for path in (*LISTS, *FORMS):
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, 200)
        assert (path, page.evaluate("document.documentElement.scrollWidth")) == (path, 390)


def test_a_target_is_added_and_retired_without_a_script(visits: Visits) -> None:
    page = visits.page("/targets", java_script_enabled=False)
    page.get_by_role("link", name="Add target").click()
    page.get_by_role("button", name="Add target").click()
    expect(page.locator("#id_name_error")).to_contain_text("required")
    page.get_by_label("Name").fill("console-1")
    page.get_by_label("Labels").fill('{"role": "console"}')
    page.get_by_role("button", name="Add target").click()
    expect(page.get_by_role("status")).to_have_text("The target was added.")
    page.locator(".filters").get_by_label("Label").fill("role=console")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Retire console-1").click()
    page.get_by_role("button", name="Retire console-1").click()
    expect(page.get_by_role("status")).to_have_text("console-1 was retired.")


def test_a_list_keeps_itself_up_to_date_and_the_focus(visits: Visits) -> None:
    page = visits.page("/targets")
    page.get_by_role("link", name="Edit gs-002").focus()
    made = "from jobs.models import Target; Target.objects.create(name='aaa-live')"
    visits.up.manage("shell", "-v", "0", "-c", made)
    expect(page.get_by_role("link", name="aaa-live", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Edit gs-002")).to_be_focused()
    gone = "from jobs.models import Target; Target.objects.get(name='aaa-live').delete()"
    visits.up.manage("shell", "-v", "0", "-c", gone)
    expect(page.get_by_role("link", name="aaa-live", exact=True)).to_have_count(0)


def test_a_schedule_is_written_with_the_kinds_form_and_runs_now(visits: Visits) -> None:
    page = visits.page("/schedules/new")
    page.get_by_role("link", name="Version update").click()
    page.get_by_label("Name").fill("console-nightly")
    page.get_by_label("When").fill("30 3 * * 1-5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Add schedule").click()
    expect(page.get_by_text("Choose at least one.").first).to_be_visible()
    page.get_by_label("gs-001").check()
    expect(page.locator(".plan-title")).to_contain_text("gs-001")
    expect(page.get_by_label("Parameters")).to_be_hidden()
    page.get_by_role("button", name="Add schedule").click()
    page.get_by_role("link", name="console-nightly").click()
    expect(page.locator(".moments li")).to_have_count(5)
    expect(page.locator(".moments li").first).to_contain_text("03:30 Europe/Berlin")
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("gs-001")).to_be_checked()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("console-nightly is paused.")
    page.get_by_role("link", name="Run now").click()
    page.get_by_role("button", name="Run now").click()
    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]{36}"))
    page.goto("/schedules?text=console-nightly")
    page.get_by_role("link", name="console-nightly").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete console-nightly").click()
    expect(page.get_by_role("status")).to_have_text("console-nightly was deleted.")


def test_somebody_is_added_to_a_team_and_their_history_shows_it(visits: Visits) -> None:
    page = visits.page("/people/new")
    page.get_by_label("User name").fill("console-gwen")
    page.locator("#id_password1").fill("correct horse battery")
    page.locator("#id_password2").fill("correct horse battery")
    page.get_by_label("viewer").check()
    page.get_by_role("button", name="Add person").click()
    expect(page.get_by_role("status")).to_have_text("The person was saved.")
    page.goto("/teams")
    page.get_by_role("link", name="Game operations").click()
    page.get_by_label("User name").fill("console-gwen")
    page.get_by_role("button", name="Add member").press("Enter")
    expect(page.get_by_role("status")).to_have_text("console-gwen is in the team.")
    page.goto("/people?text=console-gwen")
    page.get_by_role("link", name="console-gwen").click()
    expect(page.locator(".facts")).to_contain_text("Game operations")


def test_a_credential_is_added_and_never_seen_again(visits: Visits) -> None:
    page = visits.page("/credentials/new")
    page.get_by_label("Name").fill("console-token")
    page.get_by_label("Type").select_option("token")
    page.get_by_label("Value").fill("wh1sper-of-the-console")
    page.get_by_role("button", name="Add credential").click()
    page.get_by_role("link", name="console-token").click()
    expect(page.locator(".facts")).to_contain_text("nobody reads it back")
    assert "wh1sper" not in page.content()
    page.get_by_role("link", name="Rotate").click()
    assert page.get_by_label("Value").input_value() == ""
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove console-token").click()
    expect(page.get_by_role("status")).to_have_text("console-token was removed.")


def opened_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find a job")).to_be_focused()


def test_the_palette_finds_by_keyboard(visits: Visits, finished: str) -> None:
    page = visits.page("/")
    opened_palette(page)
    page.keyboard.type("gs-01")
    expect(page.locator('[role=option][href="/targets/gs-010"]')).to_be_visible()
    chosen = page.get_by_role("dialog").get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Find a job")).to_have_count(0)
    opened_palette(page)
    page.keyboard.type("schedules")
    expect(chosen).to_contain_text("Schedules")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/schedules$"))
    page.goto("/help")
    page.locator("details.menu-end summary").click()
    page.get_by_role("button", name="Keys of this page").click()
    expect(page.get_by_role("dialog")).to_contain_text("Find anything")


def test_the_theme_is_as_chosen_with_and_without_a_script(visits: Visits) -> None:
    for scripts in (True, False):
        page = visits.page("/help", color_scheme="light", java_script_enabled=scripts)
        page.locator("details.menu-end summary").click()
        page.get_by_role("button", name="dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page).to_have_url(re.compile(r"/help$"))
        expect(page.locator("html")).to_have_css("background-color", "rgb(19, 20, 23)")


def test_a_new_job_has_a_title_and_survives_the_end_of_its_session(visits: Visits) -> None:
    page = visits.page("/jobs/new?kind=version-update", who=SECOND)
    page.get_by_label("gs-003").check()
    expect(page.locator(".plan-title")).to_contain_text("gs-003")
    page.get_by_text("Title, labels, start, priority").click()
    page.get_by_label("Title").fill("A title of ours")
    page.get_by_label("Labels").fill("ticket=OPS-12")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    visits.watch.allow("401")
    page.get_by_role("button", name="Start job").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto("/jobs/new?kind=version-update")
    expect(page.get_by_text("Your session had ended")).to_be_visible()
    expect(page.get_by_label("gs-003")).to_be_checked()
    expect(page.get_by_label("Title")).to_have_value("A title of ours")
    page.get_by_role("button", name="Start job").click()
    expect(page.get_by_role("heading", name="A title of ours")).to_be_visible()


def test_the_history_is_searched_downloaded_and_printed(visits: Visits, finished: str) -> None:
    page = visits.page(f"/history?job={finished}")
    with page.expect_download() as begun:
        page.get_by_role("link", name="CSV").click()
    assert begun.value.suggested_filename == "events.csv"
    lines = begun.value.path().read_text().splitlines()
    assert lines[0].startswith("at,job,job_kind")
    assert len(lines) > 5
    page.locator(".filters").get_by_label("Text").fill("no such text anywhere")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("heading", name="No event matches")).to_be_visible()
    page.goto(f"/history?job={finished}")
    page.emulate_media(media="print")
    row = page.locator(".event-line").nth(1)
    expect(row.locator(":nth-child(2)").first).to_be_visible()
    expect(row.locator(":nth-child(5)")).to_be_visible()
    expect(page.locator(".bar")).to_be_hidden()
    phone = visits.page(f"/history?job={finished}", who=DEMO, **PHONE)
    row = phone.locator(".event-line").nth(1)
    expect(row.locator(":nth-child(5)")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
