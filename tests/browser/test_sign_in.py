"""Signing in, and what a newcomer finds."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.people import NEWCOMER, People
from tests.browser.visits import Visits


def test_a_wrong_password_is_told_and_nothing_is_lost(visits: Visits, people: People) -> None:
    page = visits.page("/history?type=job.submitted", who=None)
    expect(page).to_have_title("Sign in · Reprise")
    name, password = page.get_by_label("User name"), page.get_by_label("Password")
    expect(name).to_be_focused()

    page.get_by_role("button", name="Sign in").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_username-error")).to_have_text("Enter your user name.")

    name.fill(NEWCOMER)
    password.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    expect(name).to_have_value(NEWCOMER)
    expect(password).to_be_focused()

    password.fill(people.passwords[NEWCOMER])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visits.up.url}/history?type=job.submitted")
    expect(page.get_by_role("heading", name="History")).to_be_visible()


def test_somebody_new_finds_no_jobs_and_the_way_to_the_first(visits: Visits) -> None:
    page = visits.page("/", who=NEWCOMER)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    page.get_by_role("link", name="Start the first job").click()
    expect(page).to_have_url(f"{visits.up.url}/jobs/new")
    expect(page.get_by_role("link", name="Version update")).to_be_visible()
    expect(page.get_by_role("link", name="Load generator")).to_have_count(0)

    page.goto("/history")
    expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()


def test_signing_out_leads_to_the_sign_in_page(visits: Visits, people: People) -> None:
    page = visits.page("/sign-in", who=None)
    page.get_by_label("User name").fill(NEWCOMER)
    page.get_by_label("Password").fill(people.passwords[NEWCOMER])
    page.get_by_role("button", name="Sign in").click()
    menu = page.locator("details.menu-end")
    menu.locator("summary").click()
    expect(menu).to_contain_text("operator")
    menu.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{visits.up.url}/sign-in")
    page.goto("/")
    expect(page).to_have_url(f"{visits.up.url}/sign-in?next=/")
