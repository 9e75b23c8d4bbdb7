"""Old runs that grow once more: the events come in steps, their hints get lost, doubled or late.

Followers of each transport are cut and read slowly meanwhile; what they hold at the end is byte for
byte what was recorded.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest
from channels.layers import get_channel_layer

from jobs.log import cursor_of
from tests.replay import histories
from tests.support.clients import TRANSPORTS
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services

pytestmark = pytest.mark.replay
FOLLOWERS = 3
MOST_AT_ONCE = 25  # events of one append
LONGEST_PAUSE = 0.05  # seconds between two appends, and of a slow reader


@pytest.fixture(scope="module", params=sorted(TRANSPORTS))
def growing(request: pytest.FixtureRequest, services: Services) -> Iterator[tuple[str, LiveServer]]:
    """A transport, and a web process of an empty database: a history can grow there once."""
    with services.database() as url, live_server(url, services.valkey.url) as scene:
        yield request.param, scene


@pytest.mark.parametrize("name", histories.NAMES)
async def test_what_followers_hold_is_what_was_recorded(
    name: str, growing: tuple[str, LiveServer]
) -> None:
    transport, scene = growing
    history, chance = histories.read(name), random.Random(f"{name} {transport}")
    growth = histories.Growth(history, scene.database_url)
    growth.append(1)
    followers = [
        hold(scene, transport, history, random.Random(chance.random())) for _ in range(FOLLOWERS)
    ]
    async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
        held = [tasks.create_task(follower) for follower in followers]
        tasks.create_task(grow(growth, chance))
    for each in held:
        assert each.result() == history.texts


async def grow(growth: histories.Growth, chance: random.Random) -> None:
    """Append a history in steps; each hint is sent once, twice, after the next one or never."""
    layer, late = get_channel_layer(), None
    while hint := await asyncio.to_thread(growth.append, chance.randint(1, MOST_AT_ONCE)):
        due = [*chance.choice([[], [hint], [hint, hint]]), *([late] if late else [])]
        late = chance.choice([None, None, hint])
        for one in due:
            await layer.group_send(one.group, one.message())
        await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE))


async def hold(
    scene: LiveServer, transport: str, history: histories.History, chance: random.Random
) -> list[str]:
    """Follow to the end through cuts, slowly at times; return the texts in the order they came."""
    got: list[str] = []
    while len(got) < len(history.texts):
        most = len(got) + chance.randint(1, len(history.texts) // 2)
        after = cursor_of(got[-1]) if got else "0"
        async with texts_after(scene, transport, history, after) as texts:
            async for text in texts:
                got.append(text)
                if len(got) >= most:
                    break
                if chance.random() < 0.05:
                    await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE))
    return got


@asynccontextmanager
async def texts_after(
    scene: LiveServer, transport: str, history: histories.History, after: str
) -> AsyncIterator[AsyncIterator[str]]:
    """The events' texts that one connection brings."""
    headers = scene.people.root.headers
    async with aclosing(TRANSPORTS[transport](scene.web, history.job, after, headers)) as items:
        yield (item.text async for item in items if item.kind == "event")
