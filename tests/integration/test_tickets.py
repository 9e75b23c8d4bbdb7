"""Tickets: one job, one moment, and no more than whoever made them may see."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.core import signing

from core import clock
from core.errors import NotFound, NotSignedIn
from jobs.access import tickets, tokens, visibility
from jobs.access.visibility import Principal
from jobs.models import ApiToken
from tests.support import cast as casting
from tests.support.cast import Cast, post, session_of
from tests.support.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def job(cast: Cast) -> UUID:
    """A job of team red."""
    return make_job(cast.alice.user, [ATTEMPT], team=cast.red).pk


@pytest.fixture
def bob(cast: Cast) -> Principal:
    """Bob, signed in by a session."""
    return visibility.of_user(cast.bob.user, session=session_of(cast.bob.browser()))


def test_a_ticket_is_who_made_it(cast: Cast, job: UUID, bob: Principal) -> None:
    ticket, expires_at = tickets.make_ticket(bob, job, 60)
    found = tickets.verify_ticket(ticket, job)
    assert (found.user, found.actor, found.session) == (cast.bob.user, "user:bob", bob.session)
    assert timedelta(seconds=50) < expires_at - clock.now() <= timedelta(seconds=60)
    assert bob.session
    assert bob.session not in ticket
    assert bob.session not in str(signing.loads(ticket, salt=tickets.SALT))


def test_a_ticket_is_for_one_job(cast: Cast, job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    other = make_job(cast.bob.user, [ATTEMPT], team=cast.red).pk
    for another in (other, uuid4()):
        with pytest.raises(NotFound):
            tickets.verify_ticket(ticket, another)


def test_a_ticket_that_is_none_or_over_lets_nobody_in(job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    over, _ = tickets.make_ticket(bob, job, -0.001)
    foreign = signing.dumps({"job": job.hex}, salt="something.else")
    changed = ticket[:5] + ("A" if ticket[5] != "A" else "B") + ticket[6:]
    for raw in ("", "x", "a:b:c", ticket[:-1], changed, foreign, over, "\x00", "é" * 500):
        with pytest.raises(NotSignedIn):
            tickets.verify_ticket(raw, job)


def test_a_ticket_goes_with_the_session_it_was_made_by(cast: Cast, job: UUID) -> None:
    browser = cast.bob.browser()
    principal = visibility.of_user(cast.bob.user, session=session_of(browser))
    ticket, _ = tickets.make_ticket(principal, job, 60)
    browser.logout()
    with pytest.raises(NotSignedIn):
        tickets.verify_ticket(ticket, job)


def test_a_ticket_goes_with_the_token_it_was_made_by(cast: Cast, job: UUID) -> None:
    answer = post(cast.bob.client(), f"/api/jobs/{job}/tickets")
    ticket = answer.json()["ticket"]
    assert tickets.verify_ticket(ticket, job).actor == "token:bob/test"
    tokens.revoke_tokens(ApiToken.objects.filter(user=cast.bob.user))
    with pytest.raises(NotSignedIn):
        tickets.verify_ticket(ticket, job)


def test_a_ticket_goes_with_the_right_to_see_the_job(cast: Cast, job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    cast.red.members.remove(cast.bob.user)
    with pytest.raises(NotFound):
        tickets.verify_ticket(ticket, job)


def test_the_api_makes_tickets_for_jobs_that_one_may_see(cast: Cast, job: UUID) -> None:
    answer = post(cast.vera.client(), f"/api/jobs/{job}/tickets")
    assert answer.status_code == 201
    assert set(answer.json()) == {"ticket", "expires_at"}
    assert answer["Cache-Control"] == "private, no-store"
    assert tickets.verify_ticket(answer.json()["ticket"], job).user == cast.vera.user
    for client, status in ((cast.carol.client(), 404), (casting.client(), 401)):
        assert post(client, f"/api/jobs/{job}/tickets").status_code == status
    browser = cast.bob.browser()
    assert post(browser, f"/api/jobs/{job}/tickets").status_code == 403  # no CSRF token


@pytest.mark.parametrize(
    ("address", "logged"),
    [
        ("/api/jobs/1/stream?ticket=a:b-c&after=3", "/api/jobs/1/stream?ticket=…&after=3"),
        ("/ws/jobs/1/?after=3&ticket=a:b-c", "/ws/jobs/1/?after=3&ticket=…"),
        ("/jobs?text=ticket=x", "/jobs?text=ticket=x"),
    ],
)
def test_no_log_needs_to_have_a_ticket(address: str, logged: str) -> None:
    assert tickets.mask_ticket(address) == logged


def test_a_ticket_opens_streams_and_nothing_else(cast: Cast, job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    nobody = casting.client()
    for path in (f"/api/jobs/{job}", "/api/jobs", "/metrics"):
        assert nobody.get(f"{path}?ticket={ticket}").status_code == 401
    for act in ("cancel", "pause", "tickets"):
        assert post(nobody, f"/api/jobs/{job}/{act}?ticket={ticket}").status_code == 401
