"""Signing in, and how long those wait who guess."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client, override_settings

from core import clock
from core.errors import OverLimit
from jobs.access import throttle
from jobs.models import SignInAttempts
from tests.support.factories import make_user
from tests.support.people import django_client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("database")

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
LONG_WAIT = timedelta(minutes=5)


@pytest.fixture
def ann() -> User:
    return make_user("ann")


@contextmanager
def limits(**values: Any) -> Iterator[None]:
    with override_settings(REPRISE=settings.REPRISE.with_changes(**values)):
        yield


def attempt(
    name: str, password: str = "wrong", address: str = HERE, browser: Client | None = None
) -> Response:
    """Send the form as a browser would."""
    client = browser or django_client()
    client.get("/sign-in")
    token = client.cookies["reprise_csrf"].value
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token}
    return client.post("/sign-in", form, REMOTE_ADDR=address)


def guess(name: str, times: int = 5, address: str = HERE) -> None:
    """Send wrong passwords; make the wait after them so long that no slow machine outlasts it."""
    for _ in range(times):
        assert attempt(name, address=address).status_code == 200
    waiting = SignInAttempts.objects.filter(free_at__gt=F("last_at"))
    waiting.update(free_at=clock.now() + LONG_WAIT)


def wait_is_over() -> None:
    SignInAttempts.objects.update(free_at=clock.now())


def test_who_guesses_a_password_has_to_wait_and_is_told_how_long(ann: User) -> None:
    guess("ann")
    answer = attempt("ann", "secret")
    assert answer.status_code == 429
    assert 240 < int(answer["Retry-After"]) <= 300
    assert "Too many attempts. The password was not checked." in answer.text
    assert "Try again in 5 minutes." in answer.text
    assert "do not fit" not in answer.text


def test_nobody_is_kept_out_by_guesses_from_elsewhere(ann: User) -> None:
    guess("ann")
    assert attempt("ann", address=HERE).status_code == 429
    assert attempt("ann", "secret", address=ELSEWHERE).status_code == 302


@pytest.mark.parametrize("name", ["ann", "nobody of this name"])
def test_each_wait_is_twice_the_one_before_up_to_the_longest(ann: User, name: str) -> None:
    waits = []
    guess(name, 4)
    for _ in range(8):
        wait_is_over()
        assert attempt(name).status_code == 200
        rows = SignInAttempts.objects.all()
        waits.append(max((row.free_at - row.last_at).total_seconds() for row in rows))
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(
    ("seconds", "reported"),
    [
        (0.2, "1 second"),
        (2, "2 seconds"),
        (99, "99 seconds"),
        (100, "2 minutes"),
        (300, "5 minutes"),
    ],
)
def test_the_wait_is_told_in_words(ann: User, seconds: float, reported: str) -> None:
    assert throttle.too_many(seconds).message.endswith(f"not checked. Try again in {reported}.")


def test_an_attempt_that_has_to_wait_makes_the_wait_no_longer(ann: User) -> None:
    guess("ann", 5)
    before = list(SignInAttempts.objects.order_by("pk").values())
    assert attempt("ann").status_code == attempt("ann").status_code == 429
    assert list(SignInAttempts.objects.order_by("pk").values()) == before


def test_the_right_password_after_the_wait_ends_it(ann: User) -> None:
    guess("ann")
    wait_is_over()
    assert attempt("ann", "secret").status_code == 302
    guess("ann")


def test_an_hour_later_the_free_attempts_are_free_again(ann: User) -> None:
    guess("ann")
    an_hour = timedelta(hours=1)
    for row in SignInAttempts.objects.all():
        row.last_at, row.free_at = row.last_at - an_hour, row.free_at - an_hour
        row.save()
    guess("ann")
    assert attempt("ann").status_code == 429


def test_a_browser_that_has_been_here_counts_by_itself(ann: User) -> None:
    known = django_client()
    assert attempt("ann", "secret", browser=known).status_code == 302
    del known.cookies[settings.SESSION_COOKIE_NAME]
    guess("ann")
    assert attempt("ann", "secret").status_code == 429
    for _ in range(5):
        assert attempt("ann", browser=known).status_code == 200
    assert attempt("ann", "secret", browser=known).status_code == 429
    wait_is_over()
    assert attempt("ann", "secret", browser=known).status_code == 302


def test_a_browser_is_known_for_the_name_that_signed_in_there(ann: User) -> None:
    known = django_client()
    assert attempt("ann", "secret", browser=known).status_code == 302
    del known.cookies[settings.SESSION_COOKIE_NAME]
    make_user("bob")
    guess("bob")
    assert attempt("bob", browser=known).status_code == 429


def test_an_address_has_to_wait_whatever_names_it_guesses(ann: User) -> None:
    with limits(sign_in_attempts_per_address=8):
        for number in range(8):
            guess(f"name-{number}", 1)
        assert attempt("ann", "secret").status_code == 429
        assert attempt("ann", "secret", address=ELSEWHERE).status_code == 302


def test_thirty_wrong_passwords_at_an_address_keep_nobody_else_out_there(ann: User) -> None:
    for number in range(30):
        throttle.begin_attempt(f"name-{number}", HERE).failed()
    assert attempt("ann", "secret").status_code == 302


def test_those_who_know_their_password_use_up_no_attempts(ann: User) -> None:
    with limits(sign_in_attempts_per_address=3):
        for _ in range(6):
            assert attempt("ann", "secret").status_code == 302


def test_attempts_at_once_are_counted_one_by_one(ann: User) -> None:
    def begin(_: int) -> bool:
        try:
            throttle.begin_attempt("ann", HERE)
        except OverLimit:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(begin, range(16))) == 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("no address", "", False),
    ],
)
def test_what_one_client_has_of_addresses_counts_as_one(one: str, other: str, same: bool) -> None:
    guess("ann", address=one)
    assert attempt("ann", address=other).status_code == (429 if same else 200)


def test_0_lifts_a_limit(ann: User) -> None:
    with limits(sign_in_attempts=0, sign_in_attempts_per_address=0):
        guess("ann", 40)
    assert not SignInAttempts.objects.exists()


def test_the_log_says_who_and_from_where_and_no_name_that_is_nobodys(
    ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "jobs.access.throttle"):
        attempt("ann", "secret")
        attempt("my-password")
        guess("ann")
        attempt("ann")
    reported = [one.getMessage() for one in caplog.records if one.name == "jobs.access.throttle"]
    assert reported.pop().startswith(f"an attempt to sign in as ann from {HERE} has to wait ")
    assert reported == [
        f"ann signed in from {HERE}",
        f"somebody could not sign in as nobody here from {HERE}",
        *[f"somebody could not sign in as ann from {HERE}"] * 5,
    ]


def test_counts_are_deleted_when_they_have_drained(ann: User) -> None:
    guess("ann", 1)
    assert throttle.forget_drained() == 0
    SignInAttempts.objects.update(last_at=clock.now() - timedelta(days=2))
    assert throttle.forget_drained() == 2


def test_the_admin_has_no_sign_in_page_of_its_own() -> None:
    answer = django_client().get("/admin/jobs/team/", follow=True)
    assert answer.redirect_chain[-1] == ("/sign-in?next=/admin/jobs/team/", 302)
    boss = make_user("boss", staff=True)
    client = django_client()
    client.force_login(boss)
    answer = client.get("/admin/login/?next=/admin/", follow=True)
    assert (answer.request["PATH_INFO"], answer.status_code) == ("/admin/", 200)
    client.force_login(make_user("ann"))
    assert client.get("/admin/", follow=True).status_code == 403
