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
from tests.support import cast as casting
from tests.support.cast import Cast

pytestmark = pytest.mark.usefixtures("database", "redis")


async def news_of(work: Callable[[], object]) -> list[list[int] | None]:
    """Return what is told of `work`, in order."""
    await asyncio.to_thread(hint_publisher().flush, 10)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(hints.GROUP, channel)
    await in_thread(work)
    assert await asyncio.to_thread(hint_publisher().flush, 10)
    end = {"type": "end"}
    await layer.group_send(hints.GROUP, end)
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while (message := await layer.receive(channel)) != end:
            found.append(message)
    assert all(message["type"] == hints.TYPE for message in found)
    return [message["users"] for message in found]


def signs_out(cast: Cast) -> Callable[[], object]:
    browser: Client = cast.bob.browser()
    return browser.logout


def group(name: str) -> Group:
    return Group.objects.get(name=name)


BOBS: dict[str, Callable[[Cast], Callable[[], object]]] = {
    "signs out": signs_out,
    "token revoked": lambda cast: (
        lambda: tokens.revoke_tokens(ApiToken.objects.filter(user=cast.bob.user))
    ),
    "token deleted": lambda cast: ApiToken.objects.filter(user=cast.bob.user).delete,
    "out of the team": lambda cast: lambda: cast.red.members.remove(cast.bob.user),
    "out of the team, from his side": lambda cast: lambda: cast.bob.user.reprise_teams.clear(),
    "out of the role": lambda cast: lambda: group("operator").user_set.remove(cast.bob.user),
    "saved": lambda cast: cast.bob.user.save,
}
ANYBODYS: dict[str, Callable[[Cast], Callable[[], object]]] = {
    "the role may less": lambda cast: lambda: group("operator").permissions.clear(),
    "the role is gone": lambda cast: group("operator").delete,
    "the team is emptied": lambda cast: cast.red.members.clear,
}


@pytest.mark.parametrize("change", BOBS.values(), ids=BOBS)
async def test_what_takes_access_from_somebody_is_told(
    change: Callable[[Cast], Callable[[], object]],
) -> None:
    cast = await in_thread(casting.make)
    found = await news_of(await in_thread(change, cast))
    assert found == [[cast.bob.user.pk]]


@pytest.mark.parametrize("change", ANYBODYS.values(), ids=ANYBODYS)
async def test_what_may_concern_anybody_is_told_without_names(
    change: Callable[[Cast], Callable[[], object]],
) -> None:
    cast = await in_thread(casting.make)
    assert None in await news_of(await in_thread(change, cast))


async def test_what_gives_access_is_no_news() -> None:
    cast = await in_thread(casting.make)

    def give() -> None:
        casting.person("zoe", "viewer", cast.red)
        cast.blue.members.add(cast.bob.user)
        cast.bob.user.user_permissions.add(Permission.objects.get(codename="view_all_jobs"))
        cast.bob.browser()  # signing in stores when

    assert await news_of(give) == []


async def test_what_is_rolled_back_is_no_news() -> None:
    cast = await in_thread(casting.make)

    def take_back() -> None:
        with transaction.atomic():
            User.objects.get(pk=cast.bob.user.pk).save()
            transaction.set_rollback(True)

    assert await news_of(take_back) == []


def test_news_of_many_become_news_of_all() -> None:
    few, many = hints.News(frozenset({1, 2})), hints.News(frozenset(range(2000)))
    assert few.then(hints.News(frozenset({3}))).message()["users"] == [1, 2, 3]
    assert few.then(many).message()["users"] is None
    assert few.then(hints.News(None)).message()["users"] is None
