"""Followers who come back all at once to a machine without time: each is served, none is cut."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.integration.test_streams_slow_links import a_finished_job, events_of
from tests.support.clients import Headers
from tests.support.live_server import SERVERS, LiveServer, live_server
from tests.support.raw_client import RawSocket, connected
from tests.support.services import Services

FOLLOWERS, LOOPS, EVENTS = 200, 4, 200


@pytest.fixture(params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param) as started,
    ):
        yield started


@contextmanager
def busy() -> Iterator[None]:
    """Take the processor's time."""
    with ExitStack() as stack:
        for _ in range(LOOPS):
            loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        yield


@dataclass
class Returning:
    """A follower that comes back when it is told to."""

    port: int
    path: str
    headers: Headers

    def come(self, stack: ExitStack) -> None:
        """Ask, without waiting for an answer."""
        connection = stack.enter_context(connected(self.port))
        self.client = RawSocket(connection, self.path, self.headers)

    def served(self) -> bool:
        """Read to the end; False where the server says to come again."""
        self.client.read_to_end()  # a connection that is reset raises
        assert self.client.close_code, "cut without a close frame"
        assert self.client.close_code == 1000 or 4000 <= self.client.close_code < 4500
        return self.client.close_code == 1000


def serve(coming: list[Returning]) -> None:
    """Have all come at once, and read one after the other: they have no time either."""
    with ExitStack() as stack:
        while coming:
            for one in coming:
                one.come(stack)
            coming = [one for one in coming if not one.served()]


async def test_all_who_come_back_at_once_get_the_rest(scene: LiveServer) -> None:
    job = await a_finished_job(scene, EVENTS, size=10)
    path, headers = f"/ws/jobs/{job}/?after=2", scene.people.alice.headers
    followers = [Returning(scene.web.port, path, headers) for _ in range(FOLLOWERS)]
    with busy():
        await asyncio.to_thread(serve, followers)
    rows = scene.rows(job)[2:]
    for one in followers:
        assert events_of(one.client.texts) == rows
