"""The second factor: set up, used, required by role, and no way round it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client, override_settings

from core import clock
from core.db import in_thread
from core.errors import NotFound, SecondFactorRequired
from jobs.access import tickets, tokens
from jobs.access.revalidate import find_refusals
from jobs.access.visibility import of_user
from jobs.models import SignInAttempts, UsedTicket
from streams.followers.access import allow_reading
from tests.support.factories import make_job, make_user
from tests.support.fake_provider import come_back, fake_provider
from tests.support.people import django_client, session_of
from tests.support.system_log import system_events, told

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("database")

# Every way in that takes a session.
ADDRESSES = (
    "/", "/history", "/jobs/new", "/password", "/admin/", "/admin/jobs/team/", "/api/jobs",
    "/api/audit", "/api/kinds", "/api/tokens", "/api/docs", "/metrics",
)  # fmt: skip


def send(browser: Client, path: str, **form: str) -> Response:
    """Send a form as its page would."""
    browser.get(path)
    csrf = browser.cookies["reprise_csrf"].value
    return browser.post(path, {**form, "csrfmiddlewaretoken": csrf})


def sign_in(name: str = "ann", browser: Client | None = None) -> Client:
    """Sign in by the password."""
    browser = browser or django_client()
    answer = send(browser, "/sign-in", username=name, password="secret")
    assert answer.status_code == 302, answer.text
    return browser


def code_now(secret: str) -> str:
    """Return what an app shows."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def set_up_app(browser: Client) -> tuple[str, list[str]]:
    """Set up an app; return its key and the recovery codes."""
    page = browser.get("/second-factor/app", follow=True)
    found = re.search(r"data-totp-key>(\w+)<", page.text)
    assert found, page.text
    csrf = browser.cookies["reprise_csrf"].value
    form = {"code": code_now(found[1]), "csrfmiddlewaretoken": csrf}
    answer = browser.post("/second-factor/app", form)
    assert answer["Location"] == "/second-factor/recovery-codes", answer.text
    codes = re.findall(r"<li>(\d{12})</li>", browser.get("/second-factor/recovery-codes").text)
    assert len(codes) == 10
    return found[1], codes


def forget_used_codes() -> None:
    """Let the code of this half-minute be good again: no test waits for the next."""
    from django.core.cache import cache

    cache.clear()
    UsedTicket.objects.all().delete()


@pytest.fixture
def ann() -> User:
    return make_user("ann")


@pytest.fixture
def app(ann: User) -> tuple[str, list[str]]:
    """ann's app and recovery codes."""
    made = set_up_app(sign_in())
    forget_used_codes()
    return made


def lets_in(browser: Client) -> bool:
    return browser.get("/api/jobs").status_code == 200


def test_with_an_app_the_password_alone_lets_nobody_in(app: tuple[str, list[str]]) -> None:
    browser = sign_in()
    for path in ADDRESSES:
        assert browser.get(path).status_code in {302, 401}, path
    assert browser.get("/second-factor")["Location"].startswith("/sign-in")
    assert send(browser, "/sign-in/code", code=code_now(app[0]))["Location"] == "/"
    assert lets_in(browser)


def test_where_somebody_wanted_to_go_is_kept(app: tuple[str, list[str]]) -> None:
    browser = django_client()
    send(browser, "/sign-in", username="ann", password="secret", next="/history")
    assert send(browser, "/sign-in/code", code=code_now(app[0]))["Location"] == "/history"


def test_a_code_is_good_once(app: tuple[str, list[str]]) -> None:
    from django.core.cache import cache

    code = code_now(app[0])
    assert lets_in_with(code)
    cache.clear()  # as in another web process
    assert not lets_in_with(code)
    assert not lets_in_with(f"{code[:3]} {code[3:]}")


def lets_in_with(code: str) -> bool:
    browser = sign_in()
    send(browser, "/sign-in/code", code=code)
    return lets_in(browser)


def test_a_recovery_code_is_good_once_and_is_recorded(app: tuple[str, list[str]]) -> None:
    assert lets_in_with(app[1][3])
    assert not lets_in_with(app[1][3])
    assert lets_in_with(app[1][4])
    used = [data for type_, _, data in map(told, system_events()) if type_ == "changed"]
    assert [one["after"] for one in used if one["object"] == "second factor"] == [
        {"unused": 9},
        {"unused": 8},
    ]


def test_recovery_codes_are_shown_once(app: tuple[str, list[str]]) -> None:
    browser = sign_in()
    send(browser, "/sign-in/code", code=code_now(app[0]))
    forget_used_codes()
    send(browser, "/confirm/code", code=code_now(app[0]))
    page = browser.get("/second-factor/recovery-codes")
    assert page.status_code == 200
    assert not any(code in page.text for code in app[1])


def test_guesses_of_codes_wait_whatever_the_right_password_does_between(
    app: tuple[str, list[str]],
) -> None:
    for _ in range(5):
        browser = sign_in()
        assert "Wrong code" in send(browser, "/sign-in/code", code="000000").text
    SignInAttempts.objects.filter(free_at__gt=clock.now()).update(
        free_at=clock.now() + clock.now().resolution * 300_000_000
    )
    browser = sign_in()
    answer = send(browser, "/sign-in/code", code=code_now(app[0]))
    assert "The code was not checked. Try again in 5 minutes." in answer.text
    assert not lets_in(browser)
    failed = [data for type_, _, data in map(told, system_events()) if type_ == "sign_in_failed"]
    assert [(one["user"], one["proof"]) for one in failed] == [("ann", "code")] * 5


def test_the_secrets_are_encrypted_in_the_database(app: tuple[str, list[str]]) -> None:
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert app[0] not in stored
    assert not any(code in stored for code in app[1])


def test_the_session_s_key_changes_after_the_code(app: tuple[str, list[str]]) -> None:
    browser = sign_in()
    before = session_of(browser)
    send(browser, "/sign-in/code", code=code_now(app[0]))
    assert session_of(browser) != before


def required(*roles: str, **more: Any) -> Any:
    return override_settings(REPRISE=settings.REPRISE.with_changes(mfa_required=roles, **more))


@pytest.mark.parametrize("role", ["operator", "staff"])
def test_who_must_have_one_gets_nowhere_without(role: str) -> None:
    boss = make_user("boss", staff=True)
    job = make_job(boss)
    _, raw = tokens.make_token(boss, "ci")
    browser = sign_in("boss")
    assert lets_in(browser)
    with required(role):
        for path in (*ADDRESSES, f"/jobs/{job.pk}", f"/api/jobs/{job.pk}"):
            answer = browser.get(path, follow=path.startswith("/admin"))
            if path.startswith("/api/") and path != "/api/docs":
                assert answer.status_code == 403, path
                assert answer.json()["code"] == "second_factor_required"
            elif path.startswith("/admin"):
                assert answer.redirect_chain[-1][0] == "/second-factor", path
            elif path != "/metrics":
                assert (answer.status_code, answer.get("Location")) == (302, "/second-factor"), path
        answer = send(browser, "/password", old_password="secret")
        assert answer["Location"] == "/second-factor"
        csrf = {"X-CSRFToken": browser.cookies["reprise_csrf"].value}
        for path in ("/api/tokens", "/api/jobs", f"/api/jobs/{job.pk}/cancel"):
            answer = browser.post(path, {}, content_type="application/json", headers=csrf)
            assert answer.status_code == 403, path
        principal = of_user(boss, session=session_of(browser))
        [refusal] = find_refusals([(principal, job.pk)])
        assert refusal is not None
        assert refusal.code == "second_factor_required"
        script = django_client(Authorization=f"Bearer {raw}")
        assert script.get("/api/jobs").status_code == 200
        assert "Your role takes a second factor" in browser.get("/second-factor").text
        set_up_app(browser)
        assert lets_in(browser)
        assert browser.get("/admin/").status_code == 200
        assert find_refusals([(of_user(boss, session=session_of(browser)), job.pk)]) == [None]


async def test_streams_and_tickets_take_it_too() -> None:
    boss = await in_thread(make_user, "boss", staff=True)
    job = await in_thread(make_job, boss)
    browser = await in_thread(sign_in, "boss")
    principal = of_user(boss, session=await in_thread(session_of, browser))
    ticket, _ = tickets.make_ticket(principal, job.pk, 60)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    any_scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    scope = {**any_scope, "headers": [(b"cookie", cookie.encode())]}
    by_ticket = {**any_scope, "query_string": f"ticket={ticket}".encode()}
    assert (await allow_reading(scope, job.pk)).user == boss
    with required("staff"):
        for source, refusal in ((scope, SecondFactorRequired), (by_ticket, NotFound)):
            with pytest.raises(refusal):
                await allow_reading(source, job.pk)
        with pytest.raises(SecondFactorRequired):
            await allow_reading(scope, None)


def test_metrics_take_the_second_factor_too() -> None:
    make_user("boss", staff=True)
    browser = sign_in("boss")
    with required("staff"):
        assert browser.get("/metrics").status_code in {302, 403}


def test_others_are_not_asked(ann: User) -> None:
    with required("auditor", "staff"):
        assert lets_in(sign_in())
        ann.groups.add(Group.objects.get(name="auditor"))
        browser = sign_in()
        assert not lets_in(browser)


def test_a_session_from_before_is_asked_for_the_factor(app: tuple[str, list[str]]) -> None:
    browser = django_client()
    browser.force_login(User.objects.get(username="ann"))
    assert lets_in(browser)
    with required("operator"):
        assert not lets_in(browser)
        assert browser.get("/second-factor")["Location"].startswith("/confirm/code?next=")
        answer = send(browser, "/confirm/code?next=/second-factor", code=code_now(app[0]))
        assert answer["Location"] == "/second-factor"
        assert lets_in(browser)


def test_somebody_s_factor_does_not_stand_for_somebody_else(app: tuple[str, list[str]]) -> None:
    make_user("eve")
    browser = sign_in()
    send(browser, "/sign-in/code", code=code_now(app[0]))
    with required("operator"):
        assert lets_in(browser)
        browser.force_login(User.objects.get(username="eve"))
        assert not lets_in(browser)


def test_the_last_factor_of_who_must_have_one_stays(app: tuple[str, list[str]]) -> None:
    browser = sign_in()
    send(browser, "/sign-in/code", code=code_now(app[0]))
    forget_used_codes()
    send(browser, "/confirm/code", code=code_now(app[0]))
    with required("operator"):
        answer = send(browser, "/second-factor/app/remove")
        assert "Add another one first" in answer.text
        assert Authenticator.objects.filter(type="totp").exists()
    assert send(browser, "/second-factor/app/remove").status_code == 302
    assert not Authenticator.objects.exists()
    assert lets_in(sign_in())


def test_factors_change_only_after_a_confirmation(app: tuple[str, list[str]]) -> None:
    browser = sign_in()
    send(browser, "/sign-in/code", code=code_now(app[0]))
    session = browser.session  # signing in confirms, but not for long
    for one in session["account_authentication_methods"]:
        one["at"] -= 301
    session.save()
    for path in (
        "/second-factor/app/remove",
        "/second-factor/passkeys/add",
        "/second-factor/recovery-codes/new",
        "/second-factor/recovery-codes",
    ):
        assert browser.get(path)["Location"].startswith("/confirm/code?"), path
    assert send(browser, "/second-factor/app/remove")["Location"].startswith("/confirm/code?")
    assert Authenticator.objects.filter(type="totp").exists()


def test_the_log_says_what_was_set_up_and_removed(app: tuple[str, list[str]]) -> None:
    Authenticator.objects.get(type="totp").delete()
    found = [told(event) for event in system_events()]
    factors = [one for one in found if one[2].get("object") == "second factor"]
    assert [(type_, data["name"]) for type_, _, data in factors] == [
        ("added", "ann/totp"),
        ("added", "ann/recovery_codes"),
        ("removed", "ann/totp"),
    ]
    assert [actor for _, actor, _ in factors[:2]] == ["user:ann", "user:ann"]


@pytest.mark.parametrize("after", [False, True])
def test_the_provider_has_its_own_unless_the_setting_says_otherwise(after: bool) -> None:
    with fake_provider(mfa_required=("operator",), mfa_after_oidc=after) as provider:
        provider.person("ann", "ops")
        browser = django_client()
        come_back(browser, provider)
        assert lets_in(browser) != after
        if after:
            secret, _ = set_up_app(browser)
            forget_used_codes()
            assert lets_in(browser)
            again = django_client()
            assert come_back(again, provider)["Location"] == "/sign-in/code"
            assert again.get("/api/jobs").status_code == 401
            send(again, "/sign-in/code", code=code_now(secret))
            assert lets_in(again)


def test_addresses_of_allauth_that_are_not_used_are_not_there() -> None:
    browser = django_client()
    for path in ("/accounts/", "/accounts/signup/", "/signup", "/accounts/login/", "/2fa/"):
        assert browser.get(path).status_code == 404, path
