"""A connection that takes nothing for long is closed, on both servers, and its place is free."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.test_streams_backpressure import MIB, a_long_job, narrow
from tests.support.live_server import WITH_SHORT_TIMEOUTS, LiveServer, live_server
from tests.support.services import Services
from tests.support.waiting import until

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
# A close frame with code 4002, the last that the server writes.
TOO_SLOW = b"\x88\x02" + (4002).to_bytes(2, "big")
ASKED = {"websocket": ("/ws/jobs/{job}/?after=0", UPGRADE), "sse": ("/api/jobs/{job}/stream", "")}


@pytest.fixture(scope="module", params=WITH_SHORT_TIMEOUTS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A server of little patience."""
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param, SLOW_SECONDS="0.5"
        ) as started,
    ):
        yield started


@pytest.mark.parametrize("transport", ASKED)
async def test_who_takes_nothing_is_closed(scene: LiveServer, transport: str) -> None:
    async with taking_nothing(scene, transport):
        name = f'followers{{of="{transport}"}}'
        await asyncio.to_thread(until, lambda: not scene.counters()[name], "its place")


@pytest.fixture(params=WITH_SHORT_TIMEOUTS)
def patient_at_last(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """One that lets a client read its last words."""
    with (
        services.database() as database_url,
        live_server(
            database_url,
            services.valkey.url,
            request.param,
            SLOW_SECONDS="0.5",
            FAREWELL_SECONDS="3600",
        ) as started,
    ):
        yield started


async def test_who_wakes_up_in_time_is_told_too_slow(patient_at_last: LiveServer) -> None:
    async with taking_nothing(patient_at_last, "websocket") as connection:
        connection.settimeout(60)
        last = b""
        while not last.endswith(TOO_SLOW):
            read = connection.recv(MIB)
            assert read, last
            last = (last + read)[-len(TOO_SLOW) :]


@asynccontextmanager
async def taking_nothing(scene: LiveServer, transport: str) -> AsyncIterator[socket.socket]:
    """Follow a long job without reading anything, until the server has had enough."""
    job = await a_long_job(scene)
    before = closes(scene)
    path, more = ASKED[transport]
    token = scene.people.alice.headers["Authorization"]
    asked = f"GET {path.format(job=job)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n"
    with narrow(scene) as connection:
        connection.sendall(f"{asked}{more}\r\n".encode())
        await asyncio.to_thread(until, lambda: closes(scene) == before + 1, "the slow close")
        yield connection


def closes(scene: LiveServer) -> int:
    """Return how many connections the process closed because they took nothing."""
    return scene.counters().get("slow_closes_total", 0)
