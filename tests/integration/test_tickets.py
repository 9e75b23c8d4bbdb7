"""Tickets: one job, one moment, and no more than whoever made them may see."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.core import signing
from django.db import connection

from core import clock
from core.errors import NotFound, NotSignedIn
from jobs.access import tickets, tokens, visibility
from jobs.access.visibility import Principal
from jobs.models import ApiToken, UsedTicket
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client, post, session_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def job(people: People) -> UUID:
    """A job of team red."""
    return make_job(people.alice.user, [ATTEMPT], team=people.red).pk


@pytest.fixture
def bob(people: People) -> Principal:
    """Bob, signed in by a session."""
    return visibility.of_user(people.bob.user, session=session_of(people.bob.browser()))


def test_a_ticket_is_who_made_it(people: People, job: UUID, bob: Principal) -> None:
    ticket, expires_at = tickets.make_ticket(bob, job, 60)
    found = tickets.redeem_ticket(ticket, job)
    assert (found.user, found.actor, found.session) == (people.bob.user, "user:bob", bob.session)
    assert timedelta(seconds=50) < expires_at - clock.now() <= timedelta(seconds=60)
    assert bob.session
    assert bob.session not in ticket
    assert bob.session not in str(signing.loads(ticket, salt=tickets.SALT))


def test_a_ticket_is_taken_once(job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    another, _ = tickets.make_ticket(bob, job, 60)
    tickets.redeem_ticket(ticket, job)
    with pytest.raises(NotSignedIn, match="has been used"):
        tickets.redeem_ticket(ticket, job)
    tickets.redeem_ticket(another, job)


def test_of_many_that_come_at_once_with_one_ticket_one_gets_in(job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    together = threading.Barrier(4)

    def come(_: int) -> bool:
        together.wait()
        try:
            tickets.redeem_ticket(ticket, job)
        except NotSignedIn:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(come, range(4))) == [False, False, False, True]


def test_used_tickets_are_forgotten_once_nobody_would_take_them(job: UUID, bob: Principal) -> None:
    for seconds in (60, 3600):
        tickets.redeem_ticket(tickets.make_ticket(bob, job, seconds)[0], job)
    assert tickets.forget_expired() == 0
    UsedTicket.objects.filter(ends_at__lt=clock.now() + timedelta(seconds=61)).update(
        ends_at=clock.now() - tickets.KEPT_AFTER_END
    )
    assert tickets.forget_expired() == 1
    assert UsedTicket.objects.count() == 1


def test_a_ticket_is_for_one_job(people: People, job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    other = make_job(people.bob.user, [ATTEMPT], team=people.red).pk
    for another in (other, uuid4()):
        with pytest.raises(NotFound):
            tickets.redeem_ticket(ticket, another)
    tickets.redeem_ticket(ticket, job)  # these attempts did not use it up


def test_a_ticket_that_is_none_or_over_lets_nobody_in(job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    over, _ = tickets.make_ticket(bob, job, -0.001)
    foreign = signing.dumps({"job": job.hex}, salt="something.else")
    changed = ticket[:5] + ("A" if ticket[5] != "A" else "B") + ticket[6:]
    for raw in ("", "x", "a:b:c", ticket[:-1], changed, foreign, over, "\x00", "é" * 500):
        with pytest.raises(NotSignedIn):
            tickets.redeem_ticket(raw, job)


def test_a_ticket_goes_with_the_session_it_was_made_by(people: People, job: UUID) -> None:
    browser = people.bob.browser()
    principal = visibility.of_user(people.bob.user, session=session_of(browser))
    ticket, _ = tickets.make_ticket(principal, job, 60)
    browser.logout()
    with pytest.raises(NotSignedIn):
        tickets.redeem_ticket(ticket, job)


def test_a_ticket_goes_with_the_token_it_was_made_by(people: People, job: UUID) -> None:
    answer = post(people.bob.client(), f"/api/jobs/{job}/tickets")
    ticket = answer.json()["ticket"]
    assert tickets.redeem_ticket(ticket, job).actor == "token:bob/test"
    tokens.revoke_tokens(ApiToken.objects.filter(user=people.bob.user))
    with pytest.raises(NotSignedIn):
        tickets.redeem_ticket(ticket, job)


def test_a_ticket_goes_with_the_right_to_see_the_job(
    people: People, job: UUID, bob: Principal
) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    people.red.members.remove(people.bob.user)
    with pytest.raises(NotFound):
        tickets.redeem_ticket(ticket, job)


def test_the_api_makes_tickets_for_jobs_that_one_may_see(people: People, job: UUID) -> None:
    answer = post(people.vera.client(), f"/api/jobs/{job}/tickets")
    assert answer.status_code == 201
    assert set(answer.json()) == {"ticket", "expires_at"}
    assert answer["Cache-Control"] == "private, no-store"
    assert tickets.redeem_ticket(answer.json()["ticket"], job).user == people.vera.user
    for client, status in ((people.carol.client(), 404), (django_client(), 401)):
        assert post(client, f"/api/jobs/{job}/tickets").status_code == status
    browser = people.bob.browser()
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


def test_a_ticket_opens_streams_and_nothing_else(people: People, job: UUID, bob: Principal) -> None:
    ticket, _ = tickets.make_ticket(bob, job, 60)
    nobody = django_client()
    for path in (f"/api/jobs/{job}", "/api/jobs", "/metrics"):
        assert nobody.get(f"{path}?ticket={ticket}").status_code == 401
    for act in ("cancel", "pause", "tickets"):
        assert post(nobody, f"/api/jobs/{job}/{act}?ticket={ticket}").status_code == 401
