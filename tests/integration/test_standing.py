"""Whether those who follow may still follow, asked for all of them together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock
from core.errors import Forbidden, HistoryDiverged, NotFound, NotSignedIn, RepriseError
from core.ids import uuid7
from jobs.access import revalidate, tokens, visibility
from jobs.access.visibility import Principal
from jobs.models import ApiToken
from tests.support.cast import Cast, Person, session_of
from tests.support.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database")


def by_token(person: Person) -> Principal:
    headers = [(b"authorization", f"Bearer {person.raw}".encode())]
    return visibility.authenticate({"type": "websocket", "headers": headers})


def by_session(person: Person) -> Principal:
    key = session_of(person.browser())
    return visibility.of_user(person.user, session=key)


def told(principal: Principal, job: UUID | None) -> type[RepriseError] | None:
    [refusal] = revalidate.find_refusals([(principal, job)])
    return None if refusal is None else type(refusal)


@pytest.fixture
def job(cast: Cast) -> UUID:
    """A job of alice's, of team red."""
    return make_job(cast.alice.user, [ATTEMPT], team=cast.red).pk


Change = Callable[[Cast], object]
ENDS: dict[str, Change] = {
    "account closed": lambda cast: User.objects.filter(username="bob").update(is_active=False),
    "account gone": lambda cast: User.objects.filter(username="bob").delete(),
}
TOKEN_ENDS: dict[str, Change] = {
    "revoked": lambda cast: tokens.revoke_tokens(ApiToken.objects.filter(user=cast.bob.user)),
    "expired": lambda cast: ApiToken.objects.filter(user=cast.bob.user).update(
        expires_at=clock.now() - timedelta(seconds=1)
    ),
    "deleted": lambda cast: ApiToken.objects.filter(user=cast.bob.user).delete(),
}


def new_password(cast: Cast) -> None:
    cast.bob.user.set_password("another horse")
    cast.bob.user.save()


@pytest.mark.parametrize("change", [*ENDS.values(), *TOKEN_ENDS.values()], ids=[*ENDS, *TOKEN_ENDS])
def test_whose_token_has_ended_is_not_signed_in(cast: Cast, job: UUID, change: Change) -> None:
    principal = by_token(cast.bob)
    assert told(principal, job) is None
    change(cast)
    assert told(principal, job) is NotSignedIn
    assert told(principal, None) is NotSignedIn


@pytest.mark.parametrize("change", [*ENDS.values(), new_password], ids=[*ENDS, "new password"])
def test_whose_session_has_ended_is_not_signed_in(cast: Cast, job: UUID, change: Change) -> None:
    principal = by_session(cast.bob)
    assert told(principal, job) is None
    change(cast)
    assert told(principal, job) is NotSignedIn


def test_who_signs_out_is_not_signed_in(cast: Cast, job: UUID) -> None:
    browser, other = cast.bob.browser(), by_session(cast.bob)
    principal = visibility.of_user(cast.bob.user, session=session_of(browser))
    assert told(principal, job) is None
    browser.logout()
    assert told(principal, job) is NotSignedIn
    assert told(other, job) is None  # another browser of theirs


def test_a_session_of_somebody_else_is_nobodys(cast: Cast, job: UUID) -> None:
    theirs = session_of(cast.carol.browser())
    assert told(visibility.of_user(cast.alice.user, session=theirs), job) is NotSignedIn
    assert told(visibility.of_user(cast.alice.user), job) is NotSignedIn


def test_who_leaves_the_team_or_the_role_may_not_see_its_jobs(cast: Cast, job: UUID) -> None:
    bob, vera, audrey = map(by_token, (cast.bob, cast.vera, cast.audrey))
    assert [told(one, job) for one in (bob, vera, audrey)] == [None, None, None]
    cast.red.members.remove(cast.bob.user)
    cast.vera.user.groups.clear()
    Group.objects.get(name="auditor").permissions.clear()
    assert [told(one, job) for one in (bob, vera, audrey)] == [Forbidden] * 3
    assert [told(one, None) for one in (bob, vera)] == [None, Forbidden]


def test_whoever_submitted_a_job_goes_on_seeing_it(cast: Cast, job: UUID) -> None:
    alice = by_token(cast.alice)
    cast.red.members.remove(cast.alice.user)
    assert told(alice, job) is None


def test_a_job_that_is_gone_is_not_found(cast: Cast) -> None:
    assert told(by_token(cast.root), uuid7()) is NotFound


@pytest.mark.parametrize("change", ["into a team", "out of one", "into a role"])
def test_who_sees_other_jobs_than_before_starts_again_with_the_feed(
    cast: Cast, change: str
) -> None:
    principal = by_token(cast.bob)
    assert principal.visibility.teams
    assert told(principal, None) is None
    match change:
        case "into a team":
            cast.blue.members.add(cast.bob.user)
        case "out of one":
            cast.red.members.remove(cast.bob.user)
        case _:
            cast.bob.user.groups.add(Group.objects.get(name="auditor"))
    assert told(principal, None) is HistoryDiverged


def test_as_many_queries_for_many_as_for_one(cast: Cast, job: UUID) -> None:
    people = (cast.alice, cast.bob, cast.vera, cast.root, cast.carol)
    everybody = [kind(person) for person in people for kind in (by_token, by_session)]
    assert all(who.visibility for who in everybody)  # looked up when they came
    with CaptureQueriesContext(connection) as one:
        revalidate.find_refusals([(everybody[0], job)])
    jobs: list[UUID | None] = [job, make_job(None, [ATTEMPT]).pk, None]
    with CaptureQueriesContext(connection) as many:
        found = revalidate.find_refusals([(who, what) for who in everybody for what in jobs] * 20)
    assert len(found) == 600
    assert len(many) == 7
    assert len(one) <= len(many)
