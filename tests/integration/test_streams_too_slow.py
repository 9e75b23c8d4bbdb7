"""A connection that takes nothing for long is closed, on both servers, and its place is free."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.integration.test_streams_backpressure import a_long_job, narrow
from tests.services import Services
from tests.stage import IMPATIENT, Stage, stage
from tests.waiting import until

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ASKED = {
    "websocket": ("/ws/jobs/{job}/?after=0", UPGRADE),
    "sse": ("/api/jobs/{job}/stream", ""),
}


@pytest.fixture(scope="module", params=IMPATIENT)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A server of little patience."""
    with (
        services.database() as database_url,
        stage(database_url, services.valkey.url, request.param) as staged,
    ):
        yield staged


@pytest.mark.parametrize("transport", ASKED)
async def test_who_takes_nothing_is_closed(scene: Stage, transport: str) -> None:
    job = await a_long_job(scene)
    before = closes(scene)
    path, more = ASKED[transport]
    token = scene.people.alice.headers["Authorization"]
    asked = f"GET {path.format(job=job)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n"
    with narrow(scene) as connection:
        connection.sendall(f"{asked}{more}\r\n".encode())
        await asyncio.to_thread(until, lambda: closes(scene) == before + 1, "the slow close")
        name = f'followers{{of="{transport}"}}'
        await asyncio.to_thread(until, lambda: not scene.counters()[name], "its place")


def closes(scene: Stage) -> int:
    """Return how many connections the process closed because they took nothing."""
    return scene.counters().get("slow_closes_total", 0)
