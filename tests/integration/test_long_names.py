"""What is put together of parts that each fit, and is too long for its column, is a 422."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings
from pydantic import BaseModel

from core.errors import InvalidParams
from jobs import commands
from jobs.access import tokens
from jobs.access.visibility import Principal
from jobs.kinds import Kind, registry
from jobs.models import ApiToken, Job
from tests.support.people import People, django_client, post

LONG_USER = "u" * 150
FITS = 200 - len(f"token:{LONG_USER}/")


class Wordy(BaseModel):
    """What the title and the target are made of."""

    words: list[str] = []
    target: str = "gs-001"


class LongKind(Kind[Wordy]):
    """A kind that makes its title and its target of its parameters."""

    name, title, Params = "test-long", "Long", Wordy

    def title_for(self, params: Wordy) -> str:
        return f"Say {' '.join(params.words)}"

    def targets(self, params: Wordy) -> list[str]:
        return [params.target]

    async def run(self, run: object, params: Wordy) -> None:
        """Do nothing."""


@pytest.fixture
def long_kind() -> Iterator[None]:
    """The kind of this module."""
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=[f"{__name__}.LongKind"]):
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture
def long_user(people: People) -> User:
    people.bob.user.username = LONG_USER
    people.bob.user.save()
    return people.bob.user


@pytest.mark.usefixtures("say_kinds")
def test_a_token_whose_actor_would_not_fit_is_refused_at_its_name(
    people: People, long_user: User
) -> None:
    browser = django_client()
    browser.force_login(long_user)
    browser.cookies["reprise_csrf"] = "a" * 32
    csrf = {"X-CSRFToken": "a" * 32}
    answer = post(browser, "/api/tokens", {"name": "n" * (FITS + 1)}, **csrf)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/name"
    assert str(FITS) in error["detail"]
    with pytest.raises(CommandError, match=str(FITS)):
        call_command("token", "make", LONG_USER, "n" * 100)

    raw = post(browser, "/api/tokens", {"name": "n" * FITS}, **csrf).json()["token"]
    client = django_client(Authorization=f"Bearer {raw}")
    job = post(client, "/api/jobs", {"kind": "test-say"})
    assert (job.status_code, len(job.json()["submitted_by"])) == (201, 200)


@pytest.mark.usefixtures("say_kinds")
def test_a_user_who_was_renamed_is_told_that_the_token_no_longer_fits(people: People) -> None:
    ApiToken.objects.filter(user=people.alice.user).update(name="n" * 100)
    User.objects.filter(pk=people.alice.user.pk).update(username=LONG_USER)
    answer = post(people.alice.client(), "/api/jobs", {"kind": "test-say"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert "Who submits" in answer.json()["detail"]
    assert Job.objects.count() == 0


@pytest.mark.usefixtures("long_kind")
@pytest.mark.parametrize(
    ("params", "pointer"), [({"words": ["x" * 100] * 4}, "/title"), ({"target": "x" * 201}, "")]
)
def test_what_a_kind_makes_of_its_parameters_has_to_fit(
    people: People, params: dict[str, object], pointer: str
) -> None:
    answer = post(people.alice.client(), "/api/jobs", {"kind": "test-long", "params": params})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert Job.objects.count() == 0


@pytest.mark.usefixtures("long_kind")
def test_a_title_of_ones_own_makes_up_for_the_kinds(people: People) -> None:
    body = {"kind": "test-long", "params": {"words": ["x" * 100] * 4}, "title": "Mine"}
    assert post(people.alice.client(), "/api/jobs", body).json()["title"] == "Mine"


@pytest.mark.parametrize("days", ["1e300", "nan", "inf", "-1e300"])
def test_days_that_are_no_number_are_told_so(people: People, days: str) -> None:
    with pytest.raises(CommandError):
        call_command("token", "make", "alice", "late", f"--days={days}", stdout=io.StringIO())


def test_a_kind_with_too_long_a_name_is_left_out() -> None:
    class TooLong(LongKind):
        name = "x" * 101

    with pytest.raises(ValueError, match="100 characters"):
        registry._make_kind(TooLong)


def test_a_principal_that_is_too_long_is_refused_by_the_library_too(people: People) -> None:
    who = Principal(people.root.user, "x" * 201)
    with pytest.raises(InvalidParams, match="Who submits"):
        commands.submit(who, "load", {"events": 1})
    assert tokens.actor_of(people.root.user, "ci") == "token:root/ci"
