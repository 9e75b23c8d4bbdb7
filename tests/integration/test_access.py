"""Who is let in, and who sees and steers which job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory

from core import clock
from core.errors import Forbidden, NotFound, NotSignedIn, RepriseError
from core.ids import uuid7
from core.sessions import hash_session_key
from jobs.access import tokens, visibility
from jobs.events import first_hash
from jobs.events.fold import STATUSES
from jobs.models import ApiToken, Job, Team
from tests.support.people import People, Person, make_person

pytestmark = pytest.mark.usefixtures("database")


def job(owner: Person | None, team: Team | None, status: str = "running") -> Job:
    key = uuid7()
    return Job.objects.create(
        id=key,
        kind="load",
        title="A job",
        params={},
        team=team,
        owner=owner.user if owner else None,
        submitted_by="user:somebody",
        status=status,
        head_hash=first_hash(key),
    )


def scope(raw: str | None = None, **members: Any) -> dict[str, Any]:
    headers = [(b"authorization", f"Bearer {raw}".encode())] if raw is not None else []
    return {"type": "websocket", "headers": headers, **members}


def test_a_token_is_its_user_on_requests_and_on_sockets(people: People) -> None:
    request = RequestFactory().get("/", headers=people.alice.headers)
    for source in (request, scope(people.alice.raw)):
        principal = visibility.authenticate(source)
        assert principal.user == people.alice.user
        assert principal.actor == "token:alice/test"
        assert principal.token is not None


def test_neither_a_wrong_token_nor_an_id_that_is_none_finds_anything(people: People) -> None:
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope("rp_wrong"))
    principal = visibility.authenticate(scope(people.alice.raw))
    with pytest.raises(NotFound):
        visibility.job_for(principal, "not-an-id")


def test_a_socket_of_a_session_is_its_user(people: People) -> None:
    session = people.alice.browser().session
    principal = visibility.authenticate(scope(user=people.alice.user, session=session))
    assert principal.actor == "user:alice"
    assert principal.session == hash_session_key(session.session_key or "")


def test_a_token_that_ended_lets_nobody_in(people: People) -> None:
    mine = ApiToken.objects.filter(user=people.alice.user)
    ended: list[dict[str, Any]] = [
        {"revoked_at": clock.now()},
        {"revoked_at": None, "expires_at": clock.now() - timedelta(seconds=1)},
        {"expires_at": None, "hash": "0" * 64},
    ]
    for change in ended:
        mine.update(**change)
        with pytest.raises(NotSignedIn):
            visibility.authenticate(scope(people.alice.raw))


def test_an_inactive_user_is_not_let_in(people: People) -> None:
    session = people.alice.browser().session
    people.alice.user.is_active = False
    people.alice.user.save()
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope(people.alice.raw))
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope(user=people.alice.user, session=session))


def test_a_wrong_token_is_not_replaced_by_the_session(people: People) -> None:
    bad = scope("rp_wrong", user=people.alice.user, session=people.alice.browser().session)
    with pytest.raises(NotSignedIn):
        visibility.authenticate(bad)


def test_the_last_use_of_a_token_is_noted_once_a_minute(people: People) -> None:
    mine = ApiToken.objects.filter(user=people.alice.user)

    visibility.authenticate(scope(people.alice.raw))
    first = mine.get().last_used_at
    assert first is not None
    visibility.authenticate(scope(people.alice.raw))
    assert mine.get().last_used_at == first

    mine.update(last_used_at=first - tokens.LAST_USED_EVERY)
    visibility.authenticate(scope(people.alice.raw))
    noted = mine.get().last_used_at
    assert noted is not None
    assert noted > first


SEEN = {
    "alice": {"alice in red", "bob in red", "alice in blue", "alice alone"},
    "bob": {"alice in red", "bob in red"},
    "carol": {"alice in blue", "carol in blue"},
    "vera": {"alice in red", "bob in red"},
    "audrey": {
        "alice in red", "bob in red", "alice in blue", "alice alone", "carol in blue", "nobody's",
    },
    "root": {
        "alice in red", "bob in red", "alice in blue", "alice alone", "carol in blue", "nobody's",
    },
    "nobody": set(),
}  # fmt: skip
STEERED = {**SEEN, "vera": set(), "audrey": set()}


def jobs_of(people: People) -> dict[str, Job]:
    return {
        "alice in red": job(people.alice, people.red),
        "bob in red": job(people.bob, people.red),
        "alice in blue": job(people.alice, people.blue),
        "carol in blue": job(people.carol, people.blue),
        "alice alone": job(people.alice, None),
        "nobody's": job(None, None),
    }


def test_roles_and_teams_decide_who_sees_and_steers(people: People) -> None:
    jobs = jobs_of(people)
    for who in SEEN:
        principal = getattr(people, who).principal
        seen = {name for name, row in jobs.items() if row in visibility.visible_jobs(principal)}
        steered = {name for name, row in jobs.items() if visibility.allowed_acts(principal, row)}
        assert (who, seen, steered) == (who, SEEN[who], STEERED[who])
        for name, row in jobs.items():
            assert refused(visibility.job_for, principal, row.pk) == (
                None if name in seen else NotFound
            )
            assert refused(visibility.require_act, principal, "steer", row) == (
                None if name in steered else Forbidden
            )


def refused(function: Callable[..., object], *args: object) -> type[RepriseError] | None:
    try:
        function(*args)
    except RepriseError as error:
        return type(error)
    return None


def test_who_sees_all_and_operates_one_team_steers_that_team(people: People) -> None:
    both = make_person("both", "operator", people.red)
    both.user.groups.add(*people.audrey.user.groups.all())
    theirs, others = job(people.alice, people.red), job(people.carol, people.blue)

    assert visibility.allowed_acts(both.principal, theirs) == ["cancel", "pause"]
    assert visibility.job_for(both.principal, others.pk) == others
    with pytest.raises(Forbidden):
        visibility.require_act(both.principal, "steer", others)


def test_operators_and_staff_submit_and_others_do_not(people: People) -> None:
    by_name = {name: getattr(people, name).principal for name in SEEN}
    submit = {
        who for who, one in by_name.items() if not refused(visibility.require_act, one, "submit")
    }
    assert submit == {"alice", "bob", "carol", "root"}


def test_what_can_be_done_follows_the_status(people: People) -> None:
    rows = {status: job(people.alice, people.red, status) for status in STATUSES}
    acts = {
        status: visibility.allowed_acts(people.alice.principal, row) for status, row in rows.items()
    }
    running, paused = ["cancel", "pause"], ["cancel", "resume"]
    assert acts == {status: [] for status in STATUSES} | {
        "queued": running, "running": running, "waiting": running, "paused": paused,
    }  # fmt: skip


def test_an_id_that_is_none_is_not_found(people: People) -> None:
    for text in ("", "1", "x" * 36, "../../etc", "\x00", "\ud800", str(UUID(int=0))):
        with pytest.raises(NotFound):
            visibility.job_for(people.root.principal, text)


def test_a_job_gets_its_submitters_team(people: People) -> None:
    assert visibility.team_for(people.alice.principal) == people.red
    people.blue.members.add(people.alice.user)
    assert visibility.team_for(people.alice.principal) == people.blue  # the first by name
    assert visibility.team_for(people.audrey.principal) is None
