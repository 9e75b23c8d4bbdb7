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
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, session_of

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
def job(people: People) -> UUID:
    """A job of alice's, of team red."""
    return make_job(people.alice.user, [ATTEMPT], team=people.red).pk


Change = Callable[[People], object]
ENDS: dict[str, Change] = {
    "account closed": lambda people: User.objects.filter(username="bob").update(is_active=False),
    "account gone": lambda people: User.objects.filter(username="bob").delete(),
}
TOKEN_ENDS: dict[str, Change] = {
    "revoked": lambda people: tokens.revoke_tokens(ApiToken.objects.filter(user=people.bob.user)),
    "expired": lambda people: ApiToken.objects.filter(user=people.bob.user).update(
        expires_at=clock.now() - timedelta(seconds=1)
    ),
    "deleted": lambda people: ApiToken.objects.filter(user=people.bob.user).delete(),
}


def new_password(people: People) -> None:
    people.bob.user.set_password("another horse")
    people.bob.user.save()


@pytest.mark.parametrize("change", [*ENDS.values(), *TOKEN_ENDS.values()], ids=[*ENDS, *TOKEN_ENDS])
def test_whose_token_has_ended_is_not_signed_in(people: People, job: UUID, change: Change) -> None:
    principal = by_token(people.bob)
    assert told(principal, job) is None
    change(people)
    assert told(principal, job) is NotSignedIn
    assert told(principal, None) is NotSignedIn


@pytest.mark.parametrize("change", [*ENDS.values(), new_password], ids=[*ENDS, "new password"])
def test_whose_session_has_ended_is_not_signed_in(
    people: People, job: UUID, change: Change
) -> None:
    principal = by_session(people.bob)
    assert told(principal, job) is None
    change(people)
    assert told(principal, job) is NotSignedIn


def test_who_signs_out_is_not_signed_in(people: People, job: UUID) -> None:
    browser, other = people.bob.browser(), by_session(people.bob)
    principal = visibility.of_user(people.bob.user, session=session_of(browser))
    assert told(principal, job) is None
    browser.logout()
    assert told(principal, job) is NotSignedIn
    assert told(other, job) is None  # another browser of theirs


def test_a_session_of_somebody_else_is_nobodys(people: People, job: UUID) -> None:
    theirs = session_of(people.carol.browser())
    assert told(visibility.of_user(people.alice.user, session=theirs), job) is NotSignedIn
    assert told(visibility.of_user(people.alice.user), job) is NotSignedIn


def test_who_leaves_the_team_or_the_role_may_not_see_its_jobs(people: People, job: UUID) -> None:
    bob, vera, audrey = map(by_token, (people.bob, people.vera, people.audrey))
    assert [told(one, job) for one in (bob, vera, audrey)] == [None, None, None]
    people.red.members.remove(people.bob.user)
    people.vera.user.groups.clear()
    Group.objects.get(name="auditor").permissions.clear()
    assert [told(one, job) for one in (bob, vera, audrey)] == [Forbidden] * 3
    assert [told(one, None) for one in (bob, vera)] == [None, Forbidden]


def test_whoever_submitted_a_job_goes_on_seeing_it(people: People, job: UUID) -> None:
    alice = by_token(people.alice)
    people.red.members.remove(people.alice.user)
    assert told(alice, job) is None


def test_a_job_that_is_gone_is_not_found(people: People) -> None:
    assert told(by_token(people.root), uuid7()) is NotFound


@pytest.mark.parametrize("change", ["into a team", "out of one", "into a role"])
def test_who_sees_other_jobs_than_before_starts_again_with_the_feed(
    people: People, change: str
) -> None:
    principal = by_token(people.bob)
    assert principal.visibility.teams
    assert told(principal, None) is None
    match change:
        case "into a team":
            people.blue.members.add(people.bob.user)
        case "out of one":
            people.red.members.remove(people.bob.user)
        case _:
            people.bob.user.groups.add(Group.objects.get(name="auditor"))
    assert told(principal, None) is HistoryDiverged


def test_as_many_queries_for_many_as_for_one(people: People, job: UUID) -> None:
    chosen = (people.alice, people.bob, people.vera, people.root, people.carol)
    everybody = [kind(person) for person in chosen for kind in (by_token, by_session)]
    assert all(who.visibility for who in everybody)  # looked up when they came
    with CaptureQueriesContext(connection) as one:
        revalidate.find_refusals([(everybody[0], job)])
    jobs: list[UUID | None] = [job, make_job(None, [ATTEMPT]).pk, None]
    with CaptureQueriesContext(connection) as many:
        found = revalidate.find_refusals([(who, what) for who in everybody for what in jobs] * 20)
    assert len(found) == 600
    assert len(many) == 7
    assert len(one) <= len(many)
