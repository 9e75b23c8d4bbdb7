"""A process that goes down leaves nobody who reads slowly with less than it has sent."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from tests.integration.test_streams_backpressure import append
from tests.integration.test_streams_drain import ended, narrow, wait_for
from tests.integration.test_streams_slow_links import events_of, follow
from tests.support.live_server import SERVERS, LiveServer, live_server, outputs
from tests.support.raw_client import RawSocket, ask, connected, read_to_end
from tests.support.services import Services


@pytest.fixture(params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A process that goes down quickly."""
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param, REPRISE_DRAIN_SECONDS="0.5"
        ) as started,
    ):
        yield started


async def a_long_job(scene: LiveServer) -> UUID:
    """Return a job of more than the way to here holds."""
    job = await scene.new_job()
    await append(scene, job, 60)
    return job


async def blocked(scene: LiveServer) -> None:
    await wait_for(lambda: scene.counters()["blocked"], "a full buffer")


async def test_who_reads_slowly_is_sent_off_with_all_that_was_sent(scene: LiveServer) -> None:
    """It has nothing read when the process is gone."""
    job = await a_long_job(scene)
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job))
        await blocked(scene)
        scene.web.process.send_signal(signal.SIGTERM)
        assert await ended(scene.web) == 0
        await asyncio.to_thread(client.read_to_end)
    got = events_of(client.texts)
    assert got
    assert got == scene.rows(job)[: len(got)]
    assert '"code":"going_down"' in client.texts[-1]
    assert client.close_code == 4000


async def test_who_begins_to_read_in_time_is_sent_off_in_good_order(scene: LiveServer) -> None:
    job = await a_long_job(scene)
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job))
        await blocked(scene)
        scene.web.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(client.read_to_end)
        assert await ended(scene.web) == 0
    assert '"code":"going_down"' in client.texts[-1]
    assert client.close_code == 4000


async def test_a_stream_that_is_read_slowly_ends_without_a_reset(scene: LiveServer) -> None:
    job = await a_long_job(scene)
    path, headers = f"/api/jobs/{job}/stream", scene.people.alice.headers
    body = bytearray()
    async with (
        httpx.AsyncClient(base_url=scene.web.url, timeout=60, transport=narrow()) as client,
        client.stream("GET", path, headers=headers) as stream,
    ):
        await blocked(scene)
        scene.web.process.send_signal(signal.SIGTERM)
        assert await ended(scene.web) == 0
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await read_stream(stream, body)
    lines = body.decode().split("\n")
    got = [line[6:] for line in lines[:-1] if line.startswith('data: {"seq"')]
    assert got
    assert got == scene.rows(job)[: len(got)]


async def read_stream(stream: httpx.Response, body: bytearray) -> None:
    async for chunk in stream.aiter_raw():
        body += chunk


async def test_the_last_of_an_answer_is_read_after_the_process_has_ended(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(20, "x" * 20_000))
    with connected(scene.web.port, window=4096) as connection:
        headers = scene.people.alice.headers | {"Connection": "close"}
        ask(connection, f"/api/jobs/{job}/events?limit=20", headers)
        assert await asyncio.to_thread(connection.recv, 1)
        scene.web.process.send_signal(signal.SIGTERM)
        assert await ended(scene.web) == 0
        body = (await asyncio.to_thread(read_to_end, connection)).partition(b"\r\n\r\n")[2]
    assert all(row.encode() in body for row in scene.rows(job)[:20])
