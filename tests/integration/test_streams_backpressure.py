"""A client that reads nothing costs the server no memory, and reads on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import websockets

from tests.clients import texts_of
from tests.services import Services
from tests.stage import Stage, outputs, stage

EVENTS, BYTES = 400, 60_000
# Beside what the server may hold (1 MiB), the kernel buffers on both sides of the connection.
KERNEL = 12 * 1024 * 1024


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[Stage]:
    with (
        services.database() as database_url,
        stage(database_url, services.valkey.url) as staged,
    ):
        yield staged


def sent(scene: Stage, transport: str) -> int:
    """Return how many events the process has sent so far."""
    return scene.counters().get(f'sent_events_total{{of="{transport}"}}', 0)


async def stalled(scene: Stage, transport: str, base: int) -> int:
    """Return how many events beyond `base` were sent once no more are."""
    before = base
    while True:
        now = await asyncio.to_thread(sent, scene, transport)
        if now == before and now > base:
            return now - base
        before = now
        await asyncio.sleep(0.5)


async def a_long_job(scene: Stage) -> UUID:
    job = await scene.new_job()
    for _ in range(EVENTS // 100):
        await scene.append(job, *outputs(100, "x" * BYTES))
    await scene.finish(job)
    return job


async def test_a_socket_that_reads_nothing_is_not_written_to_without_end(scene: Stage) -> None:
    job = await a_long_job(scene)
    url = f"{scene.web.ws}/ws/jobs/{job}/?after=0"
    headers, base = scene.people.alice.headers, sent(scene, "websocket")
    async with websockets.connect(url, additional_headers=headers, max_queue=1) as opened:
        assert BYTES * await stalled(scene, "websocket", base) < KERNEL + 1024 * 1024
        texts: list[str] = []
        async for frame in opened:
            assert isinstance(frame, str)
            if frame.startswith('{"kind":"events"'):
                texts += texts_of(frame)
    assert texts == scene.rows(job)


async def test_a_stream_that_reads_nothing_is_not_written_to_without_end(scene: Stage) -> None:
    job = await a_long_job(scene)
    url, headers = f"{scene.web.url}/api/jobs/{job}/stream", scene.people.alice.headers
    base = sent(scene, "sse")
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=headers) as got,
    ):
        assert BYTES * await stalled(scene, "sse", base) < KERNEL + 1024 * 1024
        body = b"".join([chunk async for chunk in got.aiter_raw()])
    lines = body.decode().split("\n")
    assert [line[6:] for line in lines if line.startswith('data: {"seq"')] == scene.rows(job)
