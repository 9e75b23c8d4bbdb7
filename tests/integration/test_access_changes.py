"""What takes access away is told through a real Valkey, after the commit; what gives it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client

from core.db import in_thread
from jobs.access import hints, tokens
from jobs.log.hints import hint_publisher
from jobs.models import ApiToken
from tests.support.people import People, make_people, make_person

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture(autouse=True)
def patient_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hints wait for a Valkey that is slow; usually they are dropped, which costs little."""
    monkeypatch.setattr("jobs.log.hints.DEADLINE_SECONDS", 60)


async def news_of(work: Callable[[], object]) -> list[list[int] | None]:
    """Return what is told of `work`, in order."""
    await asyncio.to_thread(hint_publisher().flush, 60)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(hints.GROUP, channel)
    await in_thread(work)
    assert await asyncio.to_thread(hint_publisher().flush, 60)
    end = {"type": "end"}
    await layer.group_send(hints.GROUP, end)
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while (message := await layer.receive(channel)) != end:
            found.append(message)
    assert all(message["type"] == hints.TYPE for message in found)
    return [message["users"] for message in found]


def signs_out(people: People) -> Callable[[], object]:
    browser: Client = people.bob.browser()
    return browser.logout


def group(name: str) -> Group:
    return Group.objects.get(name=name)


BOBS: dict[str, Callable[[People], Callable[[], object]]] = {
    "signs out": signs_out,
    "token revoked": lambda people: (
        lambda: tokens.revoke_tokens(ApiToken.objects.filter(user=people.bob.user))
    ),
    "token deleted": lambda people: ApiToken.objects.filter(user=people.bob.user).delete,
    "out of the team": lambda people: lambda: people.red.members.remove(people.bob.user),
    "out of the team, from his side": lambda people: lambda: people.bob.user.reprise_teams.clear(),
    "out of the role": lambda people: lambda: group("operator").user_set.remove(people.bob.user),
    "saved": lambda people: people.bob.user.save,
}
ANYBODYS: dict[str, Callable[[People], Callable[[], object]]] = {
    "the role may less": lambda people: lambda: group("operator").permissions.clear(),
    "the role is gone": lambda people: group("operator").delete,
    "the team is emptied": lambda people: people.red.members.clear,
}


@pytest.mark.parametrize("change", BOBS.values(), ids=BOBS)
async def test_what_takes_access_from_somebody_is_told(
    change: Callable[[People], Callable[[], object]],
) -> None:
    people = await in_thread(make_people)
    found = await news_of(await in_thread(change, people))
    assert found == [[people.bob.user.pk]]


@pytest.mark.parametrize("change", ANYBODYS.values(), ids=ANYBODYS)
async def test_what_may_concern_anybody_is_told_without_names(
    change: Callable[[People], Callable[[], object]],
) -> None:
    people = await in_thread(make_people)
    assert None in await news_of(await in_thread(change, people))


async def test_what_gives_access_is_no_news() -> None:
    people = await in_thread(make_people)

    def give() -> None:
        make_person("zoe", "viewer", people.red)
        people.blue.members.add(people.bob.user)
        people.bob.user.user_permissions.add(Permission.objects.get(codename="view_all_jobs"))
        people.bob.browser()  # signing in stores when

    assert await news_of(give) == []


async def test_what_is_rolled_back_is_no_news() -> None:
    people = await in_thread(make_people)

    def take_back() -> None:
        with transaction.atomic():
            User.objects.get(pk=people.bob.user.pk).save()
            transaction.set_rollback(True)

    assert await news_of(take_back) == []


def test_news_of_many_become_news_of_all() -> None:
    few, many = hints.News(frozenset({1, 2})), hints.News(frozenset(range(2000)))
    assert few.then(hints.News(frozenset({3}))).message()["users"] == [1, 2, 3]
    assert few.then(many).message()["users"] is None
    assert few.then(hints.News(None)).message()["users"] is None
