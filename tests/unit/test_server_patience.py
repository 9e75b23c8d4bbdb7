"""A connection that takes nothing is ended, one that takes little is not: by the kernel's count."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from streams.server.patience import (
    SLOW_SECONDS,
    UNSENT_BYTES,
    Patience,
    acknowledged_bytes,
    limit_unsent,
    unacknowledged_bytes,
)
from tests.unit.hub_world import run

KIB = 1024
SEGMENT_BYTES = 64 * KIB  # the kernel fills one that it has begun


def internet() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection: the server's, whose unsent bytes are limited, and ours."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        limit_unsent(listening)
        listening.listen()
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        client.connect(listening.getsockname())
        return listening.accept()[0], client


@pytest.fixture(params=[internet, socket.socketpair], ids=["internet", "unix"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection whose way is full of what the server has sent."""
    server, client = request.param()
    with server, client:
        server.setblocking(False)
        fill(server)
        yield server, client


def fill(server: socket.socket) -> None:
    try:
        while True:
            server.send(b"x" * KIB)
    except BlockingIOError:
        pass


def take(server: socket.socket, client: socket.socket) -> None:
    """Take something, and wait until the server's kernel has heard of it."""
    before = acknowledged_bytes(server)
    while acknowledged_bytes(server) == before:
        client.recv(16 * KIB)


def test_what_the_kernel_holds_is_limited() -> None:
    server, client = internet()
    with server, client:
        server.setblocking(False)
        fill(server)
        window = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert 0 < unacknowledged_bytes(server) <= UNSENT_BYTES + SEGMENT_BYTES + window


def test_who_takes_nothing_is_ended_after_half_a_minute(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def story() -> None:
        ended: list[int] = []
        Patience(ends[0], lambda: ended.append(1)).begin()
        await asyncio.sleep(SLOW_SECONDS - 1)
        assert not ended
        await asyncio.sleep(2)
        assert len(ended) == 1

    run(story())


def test_who_takes_little_is_waited_for_until_it_stops(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def story() -> None:
        ended: list[int] = []
        Patience(ends[0], lambda: ended.append(1)).begin()
        for _ in range(4):
            take(*ends)
            await asyncio.sleep(SLOW_SECONDS * 0.9)
        assert not ended
        await asyncio.sleep(SLOW_SECONDS * 3)
        assert len(ended) == 1

    run(story())


def test_a_queue_that_is_filled_again_is_no_standstill() -> None:
    server, client = internet()

    async def story() -> None:
        ended: list[int] = []
        patience = Patience(server, lambda: ended.append(1))
        patience.begin()
        for _ in range(4):
            take(server, client)
            fill(server)
            await asyncio.sleep(SLOW_SECONDS * 0.9)
        assert not ended
        patience.end()

    with server, client:
        server.setblocking(False)
        fill(server)
        run(story())


def test_who_has_taken_all_is_not_looked_at_any_more(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def story() -> None:
        ended: list[int] = []
        patience = Patience(ends[0], lambda: ended.append(1))
        patience.begin()
        assert patience.runs
        patience.end()
        await asyncio.sleep(SLOW_SECONDS * 3)
        assert not ended
        assert not patience.runs

    run(story())
