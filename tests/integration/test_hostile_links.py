"""The Python follower over links that no proxy of Debian's makes: it has everything in the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from streams.client import TRANSPORTS, Follower, Given, Patience, State
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.relay import LinkOptions, relayed
from tests.support.services import Services

# About 300 bytes an event, and what an event stream writes beside it.
TEXT, BESIDE = "0123456789" * 8, 28
EVENTS = 4000
# What 64 kbit/s bring in 5 s.
CUT_BYTES = 40_000
# Handshakes, headers, padding, and what comes twice.
MOST_OVER_NEEDED = 1.2


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url) as started,
    ):
        yield started


# What each link does, and the transports that get through.
LINKS: dict[str, tuple[LinkOptions, set[str]]] = {
    "ends messages over 64 KiB": (LinkOptions(most=64 * 1024), {"SSE"}),
    "stalls a WebSocket after the greeting": (LinkOptions(stalls="sockets"), {"SSE"}),
    "stalls every stream after the greeting": (LinkOptions(stalls="streams"), {"long poll"}),
    "ends every connection after 5 s at 64 kbit/s": (
        LinkOptions(cut_bytes=CUT_BYTES),
        set(TRANSPORTS),
    ),
}


async def test_what_a_link_does_each_time_is_passed_by(scene: LiveServer) -> None:
    async with asyncio.TaskGroup() as group:
        for link in LINKS:
            for live in (False, True):
                group.create_task(passes_by(scene, link, live=live))


async def passes_by(scene: LiveServer, link: str, *, live: bool) -> None:
    options, ends_over = LINKS[link]
    job = await scene.new_job(outputs(EVENTS, TEXT))
    if not live:
        await scene.finish(job)
    async with relayed(scene.web.port, options) as relay, following(scene, job, relay.url) as it:
        texts = await comes_whole(scene, it, job, live=live)
    assert it.info.transport in ends_over, link
    assert (it.info.status, it.info.duplicates, it.info.gaps) == ("succeeded", 0, 0), link
    assert relay.down.passed <= MOST_OVER_NEEDED * needed(texts), (link, relay.connections)
    # A few tries of what does not work; where all is cut, hardly more than it takes.
    least = needed(texts) / CUT_BYTES if options.cut_bytes else 0
    assert relay.connections <= 1.3 * least + 7, (link, relay.connections)


SLOW = {"1 Mbit/s": (1e6, 1500), "128 kbit/s": (128e3, 150), "64 kbit/s": (64e3, 80)}


async def test_over_a_slow_link_hardly_more_is_sent_than_is_needed(scene: LiveServer) -> None:
    async with asyncio.TaskGroup() as group:
        for rate in SLOW:
            for transport in TRANSPORTS:
                group.create_task(comes_slowly(scene, rate, transport))


async def comes_slowly(scene: LiveServer, rate: str, transport: str) -> None:
    bits, events = SLOW[rate]
    job = await scene.new_job(outputs(events, TEXT))
    writing = asyncio.create_task(write(scene, job, random.Random(7)))
    rungs = TRANSPORTS[TRANSPORTS.index(transport) :]
    async with (
        relayed(scene.web.port, LinkOptions(bits)) as link,
        following(scene, job, link.url, rungs) as it,
    ):
        texts = [event.raw.decode() async for event in it]
    await writing
    assert texts == scene.rows(job), (rate, transport)
    assert (it.info.transport, it.info.error) == (transport, None), rate
    assert link.connections == 1, (rate, transport)
    assert link.down.passed <= MOST_OVER_NEEDED * needed(texts) + 5000, (rate, transport)


def needed(texts: Sequence[str]) -> int:
    """Return how many bytes it takes to bring these events."""
    return sum(len(text) + BESIDE for text in texts)


@asynccontextmanager
async def following(
    scene: LiveServer, job: UUID, server: str, transports: Sequence[str] = TRANSPORTS
) -> AsyncIterator[Follower]:
    async with Follower(
        str(job), server=server, token=scene.people.alice.raw, verify=True, trust_env=False,
        transports=transports, patience=Patience(wait_s=0.1),
    ) as made:  # fmt: skip
        yield made


async def comes_whole(scene: LiveServer, it: Follower, job: UUID, *, live: bool) -> list[str]:
    """Follow to the end; where the job is live, write on once all is here."""
    texts: list[str] = []
    writing: asyncio.Task[None] | None = None
    async for happening in it.stream():
        if isinstance(happening, Given):
            texts += [event.raw.decode() for event in happening.events]
        if live and writing is None and it.info.state is State.LIVE:
            writing = asyncio.create_task(write(scene, job, random.Random(5)))
    if writing is not None:
        await writing
    assert texts == scene.rows(job)
    return texts


async def write(scene: LiveServer, job: UUID, chance: random.Random) -> None:
    for _ in range(10):
        await scene.append(job, *outputs(chance.randrange(1, 9), TEXT))
    await scene.finish(job)
