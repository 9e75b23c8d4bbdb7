"""One's own tokens and sessions in a browser: by keyboard, on a phone, without a script."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import expect

from tests.browser.people import VIEWER
from tests.browser.visits import PHONE, Visits


def test_a_token_is_made_used_and_revoked_by_keyboard(visits: Visits) -> None:
    page = visits.page("/", who=VIEWER)
    menu = page.locator("details.menu-end")
    menu.locator("summary").press("Enter")
    menu.get_by_role("link", name="Tokens and sessions").press("Enter")
    expect(page).to_have_title("Tokens and sessions · Reprise")
    page.get_by_text("New token").press("Enter")
    page.get_by_role("textbox", name="Name").fill("nightly")
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox", name="See jobs")).to_be_focused()
    page.get_by_role("button", name="Make token").press("Enter")

    text = page.locator(".new-token-text").inner_text()
    assert re.fullmatch(r"rp_[\w-]{43}", text)
    own = {"Authorization": f"Bearer {text}"}
    address = f"{visits.up.url}/api/jobs"
    assert httpx.get(address, headers=own, timeout=60).status_code == 200
    page.goto("/account")
    expect(page.locator("main")).not_to_contain_text(text)

    page.get_by_label("Revoke nightly").press("Enter")
    page.get_by_role("button", name="Revoke nightly").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The token was revoked.")
    assert httpx.get(address, headers=own, timeout=60).status_code == 401


def test_the_page_fits_a_phone_and_needs_no_script(visits: Visits) -> None:
    page = visits.page("/account", who=VIEWER, **PHONE)
    page.get_by_text("New token").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    plain = visits.page("/account", who=VIEWER, java_script_enabled=False)
    plain.get_by_text("New token").click()
    plain.get_by_role("button", name="Make token").click()
    expect(plain.locator("#id_name-error")).to_have_text("Enter a name.")
    expect(plain.get_by_text("this session")).to_be_visible()
