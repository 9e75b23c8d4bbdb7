"""Sessions: listed, ended one by one and together, and over when nobody used them or it is time."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import clock
from core.errors import NotSignedIn
from jobs.access import revalidate, sessions, visibility
from jobs.access.visibility import Principal
from jobs.models import UserSession
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client, session_of
from tests.support.system_log import system_events

pytestmark = pytest.mark.usefixtures("database")

PASSWORD = "a long one, of alice's"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def signed_in(user: User, agent: str = FIREFOX) -> Client:
    """Return a browser in which somebody has signed in by the form."""
    if not user.has_usable_password():
        user.set_password(PASSWORD)
        user.save()
    client = django_client(**{"User-Agent": agent})
    client.cookies["reprise_csrf"] = "a" * 32
    form = {"username": user.username, "password": PASSWORD, "csrfmiddlewaretoken": "a" * 32}
    assert client.post("/sign-in", form, REMOTE_ADDR="192.0.2.7").status_code == 302
    client.cookies["reprise_csrf"] = "a" * 32
    return client


def stored(client: Client) -> UserSession:
    return UserSession.objects.get(pk=session_of(client))


def is_in(client: Client) -> bool:
    return client.get("/api/jobs").status_code == 200


def aged(client: Client, **by: float) -> None:
    """Have a browser's session be used last so long ago."""
    seen = clock.now() - timedelta(**by)
    UserSession.objects.filter(pk=session_of(client)).update(seen_at=seen)


def test_a_session_says_whose_it_is_and_how_it_began(people: People) -> None:
    client = signed_in(people.alice.user)
    row = stored(client)
    assert (row.user, row.address, row.agent) == (people.alice.user, "192.0.2.7", FIREFOX)
    assert abs(row.made_at - clock.now()) < timedelta(minutes=1)
    raw = client.session.session_key or ""
    values = UserSession.objects.filter(pk=row.pk).values().get()
    assert raw not in str(values)


def test_a_use_is_written_once_a_minute(people: People) -> None:
    client = signed_in(people.alice.user)
    aged(client, seconds=30)
    before = stored(client).seen_at
    assert is_in(client)
    assert stored(client).seen_at == before
    aged(client, seconds=61)
    with CaptureQueriesContext(connection) as found:
        assert is_in(client)
    assert len([one for one in found if one["sql"].startswith("UPDATE")]) == 1
    assert clock.now() - stored(client).seen_at < timedelta(seconds=30)


def test_a_session_that_nobody_used_for_long_is_over(people: People) -> None:
    client = signed_in(people.alice.user)
    aged(client, days=6.9)
    assert is_in(client)
    aged(client, days=7.1)
    assert not is_in(client)
    assert sessions.forget_ended() == 1


def test_a_session_ends_however_much_it_is_used(people: People) -> None:
    client = signed_in(people.alice.user)
    sign_in = client.session[sessions.SIGN_IN]
    long_ago = clock.rfc3339(clock.now() - timedelta(days=13.9))
    session = client.session
    session[sessions.SIGN_IN] = {**sign_in, "at": long_ago}
    session.save()
    assert is_in(client)
    session[sessions.SIGN_IN] = {**sign_in, "at": clock.rfc3339(clock.now() - timedelta(days=14.1))}
    session.save()
    assert not is_in(client)


def test_a_new_password_does_not_begin_the_time_again(people: People) -> None:
    client, other = signed_in(people.alice.user), signed_in(people.alice.user)
    began = stored(client).made_at
    words = "quite another one, of hers"
    form = {
        "old_password": PASSWORD, "new_password1": words, "new_password2": words,
        "csrfmiddlewaretoken": "a" * 32,
    }  # fmt: skip
    assert client.post("/password", form).status_code == 302
    row = stored(client)
    assert (row.made_at, row.agent) == (began, FIREFOX)
    assert not is_in(other)
    alice = User.objects.get(username="alice")
    assert [one.pk for one in sessions.sessions_of(alice)] == [row.pk]


def by_session(client: Client, user: User) -> Principal:
    return visibility.of_user(user, session=session_of(client))


@pytest.fixture
def job(people: People) -> UUID:
    return make_job(people.alice.user, [ATTEMPT], team=people.red).pk


def refusal(who: Principal, job: UUID) -> object:
    [found] = revalidate.find_refusals([(who, job)])
    return found


def test_following_is_use_but_ends_with_the_session(people: People, job: UUID) -> None:
    client = signed_in(people.alice.user)
    who = by_session(client, people.alice.user)
    aged(client, days=6.9)
    assert refusal(who, job) is None
    assert clock.now() - stored(client).seen_at < timedelta(minutes=1)
    UserSession.objects.update(made_at=clock.now() - timedelta(days=14.1))
    assert isinstance(refusal(who, job), NotSignedIn)
    UserSession.objects.update(made_at=clock.now(), seen_at=clock.now() - timedelta(days=7.1))
    assert isinstance(refusal(who, job), NotSignedIn)


def test_ended_sessions_are_over_at_once_and_told(people: People, job: UUID) -> None:
    here, there = signed_in(people.alice.user), signed_in(people.alice.user, "curl/8.5")
    theirs = signed_in(people.bob.user)
    alice = people.alice.user
    row = stored(there)
    assert {one.agent for one in sessions.sessions_of(alice)} == {FIREFOX, "curl/8.5"}
    who = by_session(there, alice)
    assert sessions.end_sessions(alice, [row, stored(theirs)]) == 1
    assert isinstance(refusal(who, job), NotSignedIn)
    assert not is_in(there)
    assert is_in(here)
    assert is_in(theirs)
    told = system_events()[-1]
    assert (told.type, told.data["object"]) == ("system.removed", "session")
    assert told.data["name"] == f"alice/{who.session[:8]}"  # type: ignore[index]
    assert told.data["before"]["address"] == "192.0.2.7"


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("sessions", *words, stdout=out)
    return out.getvalue()


def test_the_command_lists_and_ends(people: People) -> None:
    client, other = people.alice.browser(), people.alice.browser()
    listed = run("list", "alice")
    assert stored(client).short_id in listed
    assert len(listed.splitlines()) == 2
    assert run("end", "alice", stored(client).short_id) == "1 ended\n"
    assert (is_in(client), is_in(other)) == (False, True)
    with pytest.raises(CommandError, match="no session 00000000"):
        run("end", "alice", "00000000")
    assert run("end", "alice") == "1 ended\n"
    assert not is_in(other)


def test_those_that_ended_are_swept(people: People) -> None:
    used, idle = people.alice.browser(), people.bob.browser()
    aged(idle, days=8)
    assert sessions.forget_ended() == 1
    assert (is_in(used), is_in(idle)) == (True, False)
