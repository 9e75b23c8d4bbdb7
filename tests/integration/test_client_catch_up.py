"""The Python follower far behind: by pages of history where it streams, and whole through cuts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from streams.client import TRANSPORTS, Follower, Patience
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.relay import LinkOptions, relayed
from tests.support.services import Services

ODD = 'é\u2028\r\n"}],data: \x1b[32m'
FAR = 6000
EXPORTED = 'sent_events_total{of="export"}'


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with services.database() as url, live_server(url, services.valkey.url) as started:
        yield started


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_far_behind_it_catches_up_by_pages(scene: LiveServer, transport: str) -> None:
    job = await scene.new_job(outputs(FAR, ODD))
    before = await asyncio.to_thread(scene.counters)
    texts: list[str] = []
    async with Follower(
        f"{scene.web.url}/jobs/{job}", transports=[transport], verify=True,
        token=scene.people.alice.raw,
    ) as following:  # fmt: skip
        async for event in following:
            texts.append(event.raw.decode())
            if event.seq == FAR:
                await scene.append(job, *outputs(7, "live"))
                await scene.finish(job)
    assert texts == scene.rows(job)
    assert (following.info.transport, following.info.duplicates) == (transport, 0)
    after = await asyncio.to_thread(scene.counters)
    by_pages = after.get(EXPORTED, 0) - before.get(EXPORTED, 0)
    assert by_pages >= FAR if transport != "long poll" else by_pages == 0


async def test_cut_in_the_middle_of_its_pages_it_misses_nothing(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(FAR, ODD))
    await scene.finish(job)
    chance = random.Random(2303)
    # By and by a WebSocket, an answer with pages and so on, each cut where it may be.
    cuts = LinkOptions(cut_first=tuple(chance.randrange(2_000, 90_000) for _ in range(8)))
    async with (
        relayed(scene.web.port, cuts) as relay,
        Follower(
            str(job), server=relay.url, token=scene.people.alice.raw, verify=True,
            transports=["WebSocket"], patience=Patience(wait_s=0.1),
        ) as following,
    ):  # fmt: skip
        texts = [event.raw.decode() async for event in following]
    assert texts == scene.rows(job)
    assert relay.connections > 2
