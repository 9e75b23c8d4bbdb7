"""Passwords: changed by their owners, which ends what the old one opened; stored sessions."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from core.passwords import NotRefused
from core.sessions import hash_session_key
from jobs.access import throttle, tokens
from jobs.models import SignInAttempts, UserSession
from tests.support.factories import make_user
from tests.support.people import django_client

pytestmark = pytest.mark.usefixtures("database")

OLD, NEW = "an old one, of ann's", "and a new one, quite long"


@pytest.fixture
def ann() -> User:
    user = make_user("ann")
    user.set_password(OLD)
    user.save()
    return user


@pytest.fixture
def browser(ann: User) -> Client:
    return signed_in(ann)


def signed_in(user: User) -> Client:
    made = django_client()
    made.force_login(user)
    return made


def change(browser: Client, old: str = OLD, new: str = NEW, again: str = "", **more: str) -> str:
    """Send the form; return where it leads to, or the page with what is wrong."""
    browser.get("/password")
    form = {"old_password": old, "new_password1": new, "new_password2": again or new, **more}
    form["csrfmiddlewaretoken"] = browser.cookies["reprise_csrf"].value
    answer = browser.post("/password", form)
    return answer.headers.get("Location") or answer.content.decode()


def lets_in(browser: Client) -> bool:
    return browser.get("/").status_code == 200


def test_wrong_passwords_of_others_at_the_address_do_not_count(ann: User, browser: Client) -> None:
    for _ in range(5):
        throttle.begin_attempt("ann", "127.0.0.1").failed()
    assert change(browser) == "/password?changed"


def test_a_changed_password_signs_out_everywhere_else(ann: User, browser: Client) -> None:
    elsewhere = signed_in(ann)
    assert change(browser) == "/password?changed"
    assert "Your password was changed" in browser.get("/password?changed").content.decode()
    assert lets_in(browser)
    assert not lets_in(elsewhere)
    ann.refresh_from_db()
    assert ann.check_password(NEW)


@pytest.mark.parametrize("revoke", [True, False])
def test_tokens_end_where_that_is_asked_for(ann: User, browser: Client, revoke: bool) -> None:
    _token, raw = tokens.make_token(ann, "ci")
    change(browser, **({"revoke_tokens": "on"} if revoke else {}))
    api = django_client(Authorization=f"Bearer {raw}")
    assert api.get("/api/jobs").status_code == (401 if revoke else 200)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"old": "another"}, "That is not your current password."),
        ({"again": "something else"}, "The two new passwords are not the same."),
        ({"new": "short-one"}, "at least 12 characters"),
        ({"new": "password1234567"[:11]}, "at least 12 characters"),
        ({"new": "123456789012"}, "entirely numeric"),
        ({"new": "Reprise-2026!"}, "the name Reprise"),
        ({"new": "ann@example.org"}, "too similar"),
        ({"old": "", "new": "x"}, "Enter a password."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    ann: User, browser: Client, form: dict[str, str], said: str
) -> None:
    ann.email = "ann@example.org"
    ann.save()
    assert said in change(signed_in(ann), **form)
    ann.refresh_from_db()
    assert ann.check_password(OLD)


def test_guesses_at_the_current_password_have_to_wait(browser: Client) -> None:
    for _ in range(5):
        assert "not your current password" in change(browser, old="a guess")
    SignInAttempts.objects.filter(attempts__gte=5).update(free_at="2100-01-01T00:00:00Z")
    assert "Too many attempts" in change(browser)


def test_only_those_who_are_signed_in_get_the_form() -> None:
    answer = django_client().get("/password")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/password")


def test_a_stored_session_signs_nobody_in(browser: Client) -> None:
    [cookie] = [one.value for name, one in browser.cookies.items() if "session" in name]
    [stored] = UserSession.objects.values_list("session_key", flat=True)
    assert stored == hash_session_key(cookie) != cookie
    thief = django_client()
    [name] = [name for name in browser.cookies if "session" in name]
    thief.cookies[name] = stored
    assert not lets_in(thief)
    browser.logout()
    assert not UserSession.objects.exists()


@pytest.mark.parametrize(
    "password", ["reprise1", "Reprise12345", "reprise-reprise", "REPRISE_ops!1"]
)
def test_the_products_name_is_no_password(password: str) -> None:
    with pytest.raises(ValidationError):
        password_validation.validate_password(password)
    password_validation.validate_password("a reprise of the whole opera")


def test_a_password_on_the_installation_s_list_is_refused(tmp_path: Path) -> None:
    refused = tmp_path / "refused.txt"
    refused.write_text("Correct-Horse-Battery\nacme fleet operations\n", encoding="utf-8")
    rule = NotRefused(path=refused)
    for password in ("correct-horse-battery", "ACME fleet operations"):
        with pytest.raises(ValidationError):
            rule.validate(password)
    rule.validate("another long one, of nobody")


@pytest.mark.parametrize(
    "password", ["x" * 128, "nur kleine buchstaben", "🔑 schlüssel, ключ, 鍵 鍵"]
)
def test_long_passwords_and_those_of_any_signs_are_taken(browser: Client, password: str) -> None:
    assert change(browser, new=password) == "/password?changed"


@pytest.mark.parametrize("password", ["short", "123456789012345", "password1234", "qwertyuiop123"])
def test_short_and_common_passwords_are_refused(browser: Client, password: str) -> None:
    assert change(browser, new=password) != "/password?changed"


def test_the_admin_has_no_way_of_its_own_to_guess_or_change_it(ann: User, browser: Client) -> None:
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    answer = browser.get("/admin/password_change/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/password")
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    form["csrfmiddlewaretoken"] = "a" * 32
    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    assert browser.post("/admin/password_change/", form).status_code in {302, 405}
    assert User.objects.get(pk=ann.pk).check_password(OLD)
