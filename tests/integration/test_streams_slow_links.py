"""Clients that take what they are sent slowly, or late, get all of it, its end and its close."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.support.clients import TRANSPORTS, Headers, ndjson, texts_of
from tests.support.live_server import SERVERS, LiveServer, Web, live_server, outputs
from tests.support.raw_client import RawSocket, connected
from tests.support.relay import LinkOptions, relayed
from tests.support.services import Services

# Longer than autobahn waits for the answer to its close frame, which was a second.
AWAY_SECONDS = 3
BITS_A_SECOND = 2_000_000
FIRST_FRAME_BYTES = 8 * 1024


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param) as started,
    ):
        yield started


async def a_finished_job(scene: LiveServer, events: int = 100, size: int = 8000) -> UUID:
    job = await scene.new_job(outputs(events, "x" * size))
    await scene.finish(job)
    return job


def follow(scene: LiveServer, job: UUID) -> tuple[str, Headers]:
    return f"/ws/jobs/{job}/?after=0", scene.people.alice.headers


def events_of(texts: list[str]) -> list[str]:
    frames = [text for text in texts if text.startswith('{"kind":"events"')]
    return [text for frame in frames for text in texts_of(frame)]


async def test_who_is_away_after_the_upgrade_gets_the_whole_of_a_finished_job(
    scene: LiveServer,
) -> None:
    job = await a_finished_job(scene, events=50, size=60_000)
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job))
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(client.read_to_end)
    assert events_of(client.texts) == scene.rows(job)
    assert client.texts[-1].startswith('{"kind":"end"')
    assert client.close_code == 1000
    assert scene.counters()["blocked"] == 0


async def test_who_is_away_gets_a_refusal_and_its_code(scene: LiveServer) -> None:
    job = await a_finished_job(scene, events=50, size=60_000)
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job))
        while not client.texts:
            await asyncio.to_thread(client.read)
        client.send("not a message")
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(client.read_to_end)
    assert '"code":"bad_request"' in client.texts[-1]
    assert client.close_code == 4500
    assert scene.counters()["blocked"] == 0


@pytest.mark.parametrize("transport", [*TRANSPORTS, "ndjson"])
async def test_a_slow_link_brings_all_of_a_finished_job(scene: LiveServer, transport: str) -> None:
    job = await a_finished_job(scene)
    follows = TRANSPORTS | {"ndjson": ndjson}
    async with relayed(scene.web.port, LinkOptions(BITS_A_SECOND)) as link:
        web = Web(link.port, scene.web.process, scene.web.log)
        items = follows[transport](web, job, "0", scene.people.alice.headers)
        texts = [item.text async for item in items if item.kind == "event"]
    assert texts == scene.rows(job)
    if transport != "longpoll":
        assert link.connections == 1


async def test_frames_do_not_grow_once_the_connection_takes_them_slowly(scene: LiveServer) -> None:
    # Node and browsers see nothing of a frame before its end: one that takes longer than they wait
    # in silence looks like a dead connection, and the next one is sent it again.
    job = await a_finished_job(scene, events=400, size=2000)
    async with relayed(scene.web.port, LinkOptions(BITS_A_SECOND / 4)) as link:
        with connected(link.port) as connection:
            client = RawSocket(connection, *follow(scene, job))
            await asyncio.to_thread(client.read_to_end)
    frames = [len(text) for text in client.texts if text.startswith('{"kind":"events"')]
    assert events_of(client.texts) == scene.rows(job)
    # One fills the buffers on the way; each after it has to wait until the link has taken the last.
    assert sum(size > 8 * FIRST_FRAME_BYTES for size in frames) <= 1, frames
