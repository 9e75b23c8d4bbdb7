"""django-eventstream's own functions over our log: its request, its reads, its channel manager."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.test import RequestFactory
from django_eventstream import get_current_event_id, get_events, send_event
from django_eventstream.eventrequest import EventRequest
from django_eventstream.utils import get_channelmanager, make_id

from core.errors import NotFound
from jobs import log
from tests.support.factories import ATTEMPT, make_job
from tests.support.live_server import outputs
from tests.support.people import People, make_people

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def people(database: str) -> People:
    return make_people()


def a_job(people: People, count: int = 0) -> tuple[str, list[str]]:
    """Return the channel of a job of alice's, and the texts of its events."""
    job = make_job(people.alice.user, [ATTEMPT, *outputs(count)], team=people.red)
    return f"job-{job.pk}", log.read(job.pk).texts


def request(user: User | None, **query: str) -> HttpRequest:
    made = RequestFactory().get("/events/", query)
    made.user = user or AnonymousUser()
    return made


def all_of(asked: EventRequest) -> list[str]:
    """Read as the package's stream does: again while there is more."""
    found: list[str] = []
    while True:
        got = get_events(asked)
        for name, items in got.channel_items.items():
            assert {(item.type, item.channel) for item in items} == {("message", name)}
            found += [item.data for item in items]
        if not got.channel_more:
            return found


def test_the_package_reads_a_job_by_its_own_request(people: People) -> None:
    name, texts = a_job(people, 250)
    asked = EventRequest(request(people.alice.user, channel=name, lastEventId=f"{name}:3"))
    assert (asked.channels, asked.channel_last_ids) == ({name}, {name: "3"})
    assert asked.user == people.alice.user
    assert all_of(asked) == texts[3:]


def test_the_package_resets_where_the_id_is_ahead(people: People) -> None:
    name, _ = a_job(people, 2)
    asked = EventRequest(request(people.alice.user, channel=name, lastEventId=f"{name}:9"))
    got = get_events(asked)
    assert got.channel_reset == {name}
    assert got.channel_last_ids == {name: "4"}


def test_the_current_id_that_a_page_is_given_is_the_head(people: People) -> None:
    name, _ = a_job(people, 7)
    assert get_current_event_id([name]) == make_id({name: "9"})


def test_the_channel_manager_lets_in_who_may_see_the_job(people: People) -> None:
    name, _ = a_job(people)
    may = get_channelmanager().can_read_channel
    allowed = [people.alice, people.bob, people.vera, people.audrey, people.root]
    assert all(may(person.user, name) for person in allowed)
    assert not any(may(person.user, name) for person in (people.carol, people.nobody))
    assert not any(may(None, name) for name in (name, "news", "job-x"))


def test_an_account_that_was_closed_reads_nothing(people: People) -> None:
    name, _ = a_job(people)
    people.root.user.is_active = False
    assert not get_channelmanager().can_read_channel(people.root.user, name)


def test_nothing_is_appended_through_the_package(people: People) -> None:
    name, texts = a_job(people)
    with pytest.raises(NotImplementedError):
        send_event(name, "message", {})
    assert (
        all_of(EventRequest(request(people.alice.user, channel=name, lastEventId=f"{name}:0")))
        == texts
    )


def test_a_channel_that_is_no_jobs_has_no_id() -> None:
    with pytest.raises(NotFound):
        get_current_event_id(["news"])
