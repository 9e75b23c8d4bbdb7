"""A command's secrets in the form: a credential chosen, a value typed, neither seen afterwards."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.people import SECOND
from tests.browser.visits import Visits

VALUE, TYPED = "t0ken of a team", "typed for this run"
MAKE = """
from django.contrib.auth.models import Group, User
from jobs.models import Credential, Team
from jobs.secrets import credentials
for name, slug in (("web-token", "game-operations"), ("of-others", "others")):
    team, _ = Team.objects.get_or_create(slug=slug, defaults={"name": slug})
    made = Credential(name=name, type="token", team=team)
    credentials.set_value(made, %r)
    made.save(force_insert=True)
User.objects.get(username="otto").groups.add(Group.objects.get(name="commander"))
"""
LINE = 'test "${#TOKEN}" = 15 && echo "got $TOKEN and $PIN"'


def test_a_command_with_secrets_from_the_form(visits: Visits, tmp_path: Path) -> None:
    visits.up.manage("shell", "-v", "0", "-c", MAKE % VALUE)
    page = visits.page("/jobs/new?kind=command", who=SECOND)
    page.get_by_label("gs-001").check()
    page.get_by_label("Command").fill(LINE)
    for _ in range(2):
        page.get_by_role("button", name="Add a secret").click()
    first, second = (page.get_by_role("group", name=f"Secret {at}") for at in (1, 2))
    first.get_by_label("Name of variable 1").fill("TOKEN")
    source = first.get_by_label("Where TOKEN comes from")
    expect(source).to_contain_text("web-token")
    expect(source).not_to_contain_text("of-others")
    source.select_option("web-token")
    expect(first.get_by_label("Value of TOKEN")).to_have_count(0)
    second.get_by_label("Name of variable 2").fill("PIN")
    page.get_by_role("button", name="Start job").click()
    expect(page.get_by_text("PIN: at least 4 characters, or a credential.").first).to_be_visible()
    second.get_by_label("Value of PIN").fill(TYPED)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.locator(".secret-rows").scroll_into_view_if_needed()
        page.screenshot(path=tmp_path / f"form-{width}.png")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
    page.get_by_role("button", name="Start job").click()

    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(page, visits.up, page.url.rpartition("/")[2])
    expect(run.status).to_have_text("succeeded")
    text = page.content() + visits.up.manage("export", run.job)
    assert "got •••• and ••••" in text
    assert [secret for secret in (VALUE, TYPED) if secret in text] == []


def test_staff_make_one_in_the_admin(visits: Visits, tmp_path: Path) -> None:
    page = visits.page("/admin/jobs/credential/add/")
    page.locator("#id_name").fill("made-by-hand")
    page.locator("#id_type").select_option("password")
    page.locator("#id_value").fill("two\nlines")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=tmp_path / f"admin-{width}.png", full_page=True)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("A password is one line without control characters.")).to_be_visible()
    expect(page.locator("#id_value")).to_have_value("")
    page.screenshot(path=tmp_path / "refused.png", full_page=True)
    page.locator("#id_value").fill("one line")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
