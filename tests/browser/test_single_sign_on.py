"""Single sign-on and the second factor in a real browser, with a real provider."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import LiteralString

import httpx
import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from tests.acceptance.up import CALL_SECONDS, Up, running
from tests.browser.browser_errors import Watch
from tests.browser.job_page import JobPage
from tests.browser.visits import DESK, PATIENCE_MS
from tests.support.oidc import RealProvider, real_provider
from tests.support.waiting import until

SHORT = {
    "REPRISE_KINDS": "tests.browser.kinds.Careful,tests.browser.kinds.Endless",
    "REPRISE_OIDC_CHECK_SECONDS": "1",
    "REPRISE_MFA_REQUIRED": "auditor",
    "REPRISE_LOCAL_SIGN_IN": "on",
}
PASSWORD = "correct horse battery staple"
_MAKE = """
from django.contrib.auth.models import Group, User
user = User.objects.create_user({name!r}, password={password!r})
user.groups.add(Group.objects.get(name={role!r}))
"""


@dataclass
class Site:
    """A copy that signs in with a provider, and a browser's profiles on it."""

    up: Up
    provider: RealProvider
    browser: Browser
    stack: ExitStack
    watch: Watch

    @property
    def url(self) -> str:
        """Where it is: passkeys take a name, not an address."""
        return self.up.url.replace("127.0.0.1", "localhost")

    def page(self) -> Page:
        """Return a page of a new profile, on the sign-in page."""
        options = {**DESK, "timezone_id": "UTC", "locale": "en-GB", "base_url": self.url}
        context: BrowserContext = self.browser.new_context(**options)
        self.stack.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        self.watch.over(context)
        page = context.new_page()
        page.goto("/sign-in")
        return page

    def sign_in(self, subject: str, *groups: str) -> Page:
        """Return the first page of somebody who has signed in at the provider."""
        self.provider.put(subject, *groups)
        page = self.page()
        page.get_by_role("link", name="Sign in with Example ID").click()
        page.locator("[name=login]").fill(subject)
        page.locator("[name=password]").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.wait_for_url(f"{self.url}/**")
        return page

    def make(self, name: str, role: str) -> None:
        """Make a local account."""
        code = _MAKE.format(name=name, password=PASSWORD, role=role)
        self.up.manage("shell", "-v", "0", "-c", code)

    def sign_in_here(self, name: str) -> Page:
        """Return the page after somebody has sent the local form."""
        page = self.page()
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        return page


_SCHEDULE = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from jobs.models import Schedule
Schedule.objects.create(
    name="nightly", kind="test-careful", params={"servers": ["gs-001"]}, cron="0 0 29 2 *",
    owner=User.objects.get(username="demo"), author=User.objects.get(username="olga"),
    on_missed="once", next_run=timezone.now().replace(second=0, microsecond=0))
"""


@pytest.fixture(scope="module")
def sso_up() -> Iterator[tuple[Up, RealProvider]]:
    """The copy, with the provider that its people sign in at."""
    with real_provider() as provider, running({**provider.env, **SHORT}) as up:
        yield up, provider


@pytest.fixture
def site(browser: Browser, sso_up: tuple[Up, RealProvider]) -> Iterator[Site]:
    """The copy for one test; afterwards nothing may have been complained about."""
    watch, (up, provider) = Watch(), sso_up
    watch.allow(re.escape(provider.issuer))  # its own pages are not ours
    watch.allow("fonts.googleapis.com")
    with ExitStack() as stack:
        yield Site(up, provider, browser, stack, watch)
    assert watch.unexpected == []


def cookie_of(page: Page) -> str:
    """Return the header with a page's cookies."""
    return "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())


def test_an_operator_by_group_until_the_group_is_taken_away(site: Site) -> None:
    page = site.sign_in("olga", "ops")
    menu = page.locator("details.menu-end")
    menu.locator("summary").click()
    expect(menu).to_contain_text("Signed in as olga, operator")
    page.goto("/jobs/new?kind=test-endless")
    page.get_by_role("button", name="Start job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    job = page.url.rpartition("/")[2]
    run = JobPage(page, site.up, job)
    expect(run.connection).to_contain_text("live over WebSocket")

    events: list[str] = []
    ended = threading.Event()
    headers = {"Cookie": cookie_of(page), "Accept": "text/event-stream"}

    def follow() -> None:
        client = httpx.Client(base_url=site.up.url, timeout=CALL_SECONDS, trust_env=False)
        with client, client.stream("GET", f"/api/jobs/{job}/stream", headers=headers) as stream:
            events.append(f"status {stream.status_code}")
            events.extend(stream.iter_lines())
        ended.set()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    until(lambda: len(events) > 3, "the stream's first events")
    assert events[0] == "status 200"

    site.watch.allow("401|403|WebSocket")
    site.provider.put("olga")
    until(ended.is_set, "the end of the stream")
    assert any("not_signed_in" in line for line in events), events[-9:]
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.get_by_role("heading", name="You have no access to this service")).to_be_visible()


def test_signing_out_signs_out_at_the_provider_too(site: Site) -> None:
    page = site.sign_in("sid", "watch")
    menu = page.locator("details.menu-end")
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="Change password")).to_have_count(0)
    menu.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.provider.issuer}/session/end**")
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(re.compile(f"^{site.url}/sign-in"))
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.locator("[name=login]")).to_be_visible()  # the provider asks who it is again


def test_a_gate_is_for_the_second_person_alone(site: Site) -> None:
    up = site.up
    own, others = site.sign_in("olga", "ops"), site.sign_in("paul", "ops")
    raw = up.manage("token", "make", "olga", "ci").split()[-1]
    with up.client(raw) as script:
        wish = {"kind": "test-careful", "params": {"servers": ["gs-001"]}}
        job = script.post("/api/jobs", json=wish).raise_for_status().json()["id"]
        run = JobPage.open(own, up, job)
        expect(own.locator(".gate")).to_contain_text("Somebody other than token olga/ci")
        expect(own.get_by_role("button", name="Approve")).to_have_count(0)
        refused = script.post(f"/api/jobs/{job}/approve", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        approve(others, job)
        expect(run.status).to_have_text("succeeded")

        up.manage("shell", "-v", "0", "-c", _SCHEDULE)
        waiting: LiteralString = (
            "select id::text from jobs_job where submitted_by = 'schedule:nightly'"
            " and status = 'waiting'"
        )
        until(lambda: bool(up.rows.all(waiting)), "the schedule's job at its gate")
        [(job,)] = up.rows.all(waiting)
        run = JobPage.open(own, up, job)
        expect(own.locator(".gate")).to_contain_text("Does gs-001 look well?")
        expect(own.get_by_role("button", name="Approve")).to_have_count(0)
        refused = script.post(f"/api/jobs/{job}/approve", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        approve(others, job)
        expect(run.status).to_have_text("succeeded")


def approve(page: Page, job: str) -> None:
    """Approve at the gate of a job, on its page."""
    page.goto(f"/jobs/{job}")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()


def enter_code(page: Page, secret: str) -> None:
    """Enter what an app shows; where it was used in this half-minute, what it shows next."""
    for ahead in (0, 1, -1):
        seconds = page.evaluate("Date.now() / 1000")
        code = format_hotp_value(hotp_value(secret, int(seconds) // 30 + ahead))
        page.get_by_label("Code").fill(code)
        with page.expect_navigation():
            page.get_by_label("Code").press("Enter")
        if not page.get_by_text("Wrong code").count():
            return


def test_a_role_that_takes_a_second_factor_and_an_app(site: Site) -> None:
    site.make("ada", "auditor")
    page = site.sign_in_here("ada")
    expect(page).to_have_url(f"{site.url}/second-factor")
    expect(page.get_by_role("alert")).to_contain_text("Your role takes a second factor")
    page.goto("/history")
    expect(page).to_have_url(f"{site.url}/second-factor")
    site.watch.allow("403")
    status = page.evaluate("fetch('/api/jobs').then((answer) => answer.status)")
    assert status == 403
    page.get_by_role("link", name="Set up").click()
    expect(page.get_by_alt_text("The key below as a QR code")).to_be_visible()
    secret = page.locator("[data-totp-key]").inner_text()
    enter_code(page, secret)
    codes = page.locator(".factor-codes li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("Recovery codes: 10 left")).to_be_visible()
    page.goto("/history")
    expect(page.get_by_role("heading", name="History")).to_be_visible()

    again = site.sign_in_here("ada")
    expect(again.get_by_role("heading", name="Second factor")).to_be_visible()
    again.goto("/")
    expect(again).to_have_url(re.compile("/sign-in"))
    again = site.sign_in_here("ada")
    enter_code(again, secret)
    expect(again.locator("details.menu-end")).to_be_visible()

    lost = site.sign_in_here("ada")
    lost.get_by_label("Code").fill(codes[0])
    lost.get_by_label("Code").press("Enter")
    expect(lost.locator("details.menu-end")).to_be_visible()
    lost = site.sign_in_here("ada")
    lost.get_by_label("Code").fill(codes[0])
    lost.get_by_label("Code").press("Enter")
    expect(lost.get_by_text("Wrong code")).to_be_visible()


def add_authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give a browser's profile an authenticator that says yes to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


def test_a_passkey(site: Site) -> None:
    site.make("petra", "operator")
    page = site.sign_in_here("petra")
    expect(page.locator("details.menu-end")).to_be_visible()
    authenticator = add_authenticator(page)
    page.goto("/second-factor")
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto("/second-factor")
    expect(page.get_by_text("Passkey: Laptop")).to_be_visible()

    menu = page.locator("details.menu-end")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name").fill("petra")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    session, name = authenticator
    session.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": True})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("details.menu-end")).to_be_visible()

    other = site.sign_in_here("petra")  # another browser has no such passkey
    add_authenticator(other)
    other.get_by_role("button", name="Use a passkey").click()
    expect(other.get_by_role("alert")).to_contain_text("did not give a passkey")
