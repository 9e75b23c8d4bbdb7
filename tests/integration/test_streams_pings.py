"""A ping that waits behind data is no sign of death; and nothing of a connection stays behind."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
import websockets

from tests.integration.test_streams_backpressure import a_long_job
from tests.integration.test_streams_slow_links import (
    BITS_A_SECOND,
    a_finished_job,
    events_of,
    follow,
)
from tests.support.live_server import WITH_SHORT_TIMEOUTS, LiveServer, live_server
from tests.support.raw_client import RawSocket, connected
from tests.support.relay import LinkOptions, relayed
from tests.support.services import Services
from tests.support.waiting import until


@pytest.fixture(scope="module", params=WITH_SHORT_TIMEOUTS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A server that asks for a sign of life after half a second, and waits two for it."""
    hurry = {"PING_SECONDS": "0.5", "PONG_SECONDS": "2", "SLOW_SECONDS": "2"}
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param, **hurry) as started,
    ):
        yield started


async def test_a_slow_link_is_not_cut_for_pings_that_wait(scene: LiveServer) -> None:
    job = await a_finished_job(scene, events=100, size=12_000)
    texts: list[str] = []
    async with relayed(scene.web.port, LinkOptions(BITS_A_SECOND)) as link:
        path, headers = follow(scene, job)
        url = f"ws://127.0.0.1:{link.port}{path}"
        async with websockets.connect(
            url, additional_headers=headers, max_size=None, open_timeout=60
        ) as opened:
            texts += [str(frame) async for frame in opened]
    assert events_of(texts) == scene.rows(job)
    assert (opened.close_code, link.connections) == (1000, 1)
    assert scene.counters()["blocked"] == 0


async def test_who_takes_all_but_answers_no_ping_is_told_too_slow(scene: LiveServer) -> None:
    job = await scene.new_job()
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job), answers=False)
        await asyncio.to_thread(client.read_to_end)
    assert client.close_code == 4002


def reset(client: RawSocket) -> None:
    """End a connection as a machine does that has lost its memory."""
    linger = struct.pack("ii", 1, 0)
    client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.connection.close()


LEAVING: dict[str, Callable[[RawSocket], object]] = {
    "it is reset": reset,
    "it is closed": lambda client: client.connection.close(),
    "the client says good-bye": RawSocket.close,
    "the client says nonsense": lambda client: client.send("nonsense"),
    "the client breaks the protocol": lambda client: client.connection.sendall(b"\xff" * 100),
    "nothing is taken": lambda client: None,
}


@pytest.mark.parametrize("way", LEAVING)
async def test_a_connection_that_was_blocked_leaves_no_trace(scene: LiveServer, way: str) -> None:
    job = await a_long_job(scene)
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, *follow(scene, job))
        await asyncio.to_thread(until, lambda: scene.counters()["blocked"], "a full buffer")
        LEAVING[way](client)
        await asyncio.to_thread(until, lambda: gone(scene), "the end of it")


def gone(scene: LiveServer) -> bool:
    counters = scene.counters()
    return (counters["blocked"], counters['followers{of="websocket"}']) == (0, 0)
