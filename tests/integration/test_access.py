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
from tests.support import cast as casting
from tests.support.cast import Cast, Person

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


def test_a_token_is_its_user_on_requests_and_on_sockets(cast: Cast) -> None:
    request = RequestFactory().get("/", headers=cast.alice.headers)
    for source in (request, scope(cast.alice.raw)):
        principal = visibility.authenticate(source)
        assert principal.user == cast.alice.user
        assert principal.actor == "token:alice/test"
        assert principal.token is not None


def test_neither_a_wrong_token_nor_an_id_that_is_none_finds_anything(cast: Cast) -> None:
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope("rp_wrong"))
    principal = visibility.authenticate(scope(cast.alice.raw))
    with pytest.raises(NotFound):
        visibility.job_for(principal, "not-an-id")


def test_a_socket_of_a_session_is_its_user(cast: Cast) -> None:
    session = cast.alice.browser().session
    principal = visibility.authenticate(scope(user=cast.alice.user, session=session))
    assert principal.actor == "user:alice"
    assert principal.session == hash_session_key(session.session_key or "")


def test_a_token_that_ended_lets_nobody_in(cast: Cast) -> None:
    mine = ApiToken.objects.filter(user=cast.alice.user)
    ended: list[dict[str, Any]] = [
        {"revoked_at": clock.now()},
        {"revoked_at": None, "expires_at": clock.now() - timedelta(seconds=1)},
        {"expires_at": None, "hash": "0" * 64},
    ]
    for change in ended:
        mine.update(**change)
        with pytest.raises(NotSignedIn):
            visibility.authenticate(scope(cast.alice.raw))


def test_an_inactive_user_is_not_let_in(cast: Cast) -> None:
    session = cast.alice.browser().session
    cast.alice.user.is_active = False
    cast.alice.user.save()
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope(cast.alice.raw))
    with pytest.raises(NotSignedIn):
        visibility.authenticate(scope(user=cast.alice.user, session=session))


def test_a_wrong_token_is_not_replaced_by_the_session(cast: Cast) -> None:
    bad = scope("rp_wrong", user=cast.alice.user, session=cast.alice.browser().session)
    with pytest.raises(NotSignedIn):
        visibility.authenticate(bad)


def test_the_last_use_of_a_token_is_noted_once_a_minute(cast: Cast) -> None:
    mine = ApiToken.objects.filter(user=cast.alice.user)

    visibility.authenticate(scope(cast.alice.raw))
    first = mine.get().last_used_at
    assert first is not None
    visibility.authenticate(scope(cast.alice.raw))
    assert mine.get().last_used_at == first

    mine.update(last_used_at=first - tokens.LAST_USED_EVERY)
    visibility.authenticate(scope(cast.alice.raw))
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


def jobs_of(cast: Cast) -> dict[str, Job]:
    return {
        "alice in red": job(cast.alice, cast.red),
        "bob in red": job(cast.bob, cast.red),
        "alice in blue": job(cast.alice, cast.blue),
        "carol in blue": job(cast.carol, cast.blue),
        "alice alone": job(cast.alice, None),
        "nobody's": job(None, None),
    }


def test_roles_and_teams_decide_who_sees_and_steers(cast: Cast) -> None:
    jobs = jobs_of(cast)
    for who in SEEN:
        principal = getattr(cast, who).principal
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


def test_who_sees_all_and_operates_one_team_steers_that_team(cast: Cast) -> None:
    both = casting.person("both", "operator", cast.red)
    both.user.groups.add(*cast.audrey.user.groups.all())
    theirs, others = job(cast.alice, cast.red), job(cast.carol, cast.blue)

    assert visibility.allowed_acts(both.principal, theirs) == ["cancel", "pause"]
    assert visibility.job_for(both.principal, others.pk) == others
    with pytest.raises(Forbidden):
        visibility.require_act(both.principal, "steer", others)


def test_operators_and_staff_submit_and_others_do_not(cast: Cast) -> None:
    people = {name: getattr(cast, name).principal for name in SEEN}
    submit = {
        who for who, one in people.items() if not refused(visibility.require_act, one, "submit")
    }
    assert submit == {"alice", "bob", "carol", "root"}


def test_what_can_be_done_follows_the_status(cast: Cast) -> None:
    rows = {status: job(cast.alice, cast.red, status) for status in STATUSES}
    acts = {
        status: visibility.allowed_acts(cast.alice.principal, row) for status, row in rows.items()
    }
    running, paused = ["cancel", "pause"], ["cancel", "resume"]
    assert acts == {status: [] for status in STATUSES} | {
        "queued": running, "running": running, "waiting": running, "paused": paused,
    }  # fmt: skip


def test_an_id_that_is_none_is_not_found(cast: Cast) -> None:
    for text in ("", "1", "x" * 36, "../../etc", "\x00", "\ud800", str(UUID(int=0))):
        with pytest.raises(NotFound):
            visibility.job_for(cast.root.principal, text)


def test_a_job_gets_its_submitters_team(cast: Cast) -> None:
    assert visibility.team_for(cast.alice.principal) == cast.red
    cast.blue.members.add(cast.alice.user)
    assert visibility.team_for(cast.alice.principal) == cast.blue  # the first by name
    assert visibility.team_for(cast.audrey.principal) is None
