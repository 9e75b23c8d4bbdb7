"""A web process that is told to stop: everybody is sent off, nobody loses anything."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
import websockets
from httpx_sse import EventSource
from websockets.asyncio.client import ClientConnection

from jobs.log import cursor_of
from tests.support.clients import TRANSPORTS, Refused
from tests.support.live_server import SERVERS, LiveServer, Web, live_server, outputs, serving
from tests.support.services import Services
from tests.support.waiting import until

# Far longer than any of this takes; a second signal ends it.
GRACE = "3600"
SOCKETS = 5
NDJSON = {"Accept": "application/x-ndjson"}
PATIENCE_SECONDS = 60


@pytest.fixture(params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A process of a server's, which takes its time to go down."""
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param, REPRISE_DRAIN_SECONDS=GRACE
        ) as started,
    ):
        yield started


@asynccontextmanager
async def sockets(scene: LiveServer, job: UUID) -> AsyncIterator[list[ClientConnection]]:
    headers = scene.people.alice.headers
    addresses = [*[f"/ws/jobs/{job}/?after=2"] * SOCKETS, "/ws/feed/"]
    opened = [
        await websockets.connect(
            f"{scene.web.ws}{address}",
            additional_headers=headers,
            ping_interval=None,
            open_timeout=60,
        )
        for address in addresses
    ]
    try:
        for one in opened:
            while json.loads(await one.recv())["kind"] != "caught_up":
                pass
        yield opened
    finally:
        await asyncio.gather(*(one.close() for one in opened))


async def told(opened: ClientConnection) -> tuple[str, float | None, int | None]:
    """Return what a follower is told at last: the code, when to come back, the close code."""
    last: dict[str, object] = {}
    try:
        while True:
            last = json.loads(await opened.recv())
    except websockets.ConnectionClosed as closed:
        retry = last.get("retry_after_s")
        close = closed.rcvd.code if closed.rcvd else None
        return str(last.get("code")), retry if isinstance(retry, float) else None, close


async def goes_down(scene: LiveServer) -> None:
    """Wait until the process says that it takes no more."""
    ready = f"{scene.web.url}/readyz"
    await wait_for(
        lambda: httpx.get(ready, timeout=60).json()["status"] == "going down", "the drain's begin"
    )


async def wait_for(look: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(until, look, what)


async def ended(web: Web) -> int:
    """Return what the process ended with."""
    return await asyncio.to_thread(web.process.wait, PATIENCE_SECONDS)


async def test_followers_are_sent_off_and_ordinary_requests_are_served(scene: LiveServer) -> None:
    long, job = await a_long_job(scene), await scene.new_job()
    address, headers = f"/api/jobs/{job}", scene.people.alice.headers
    async with (
        httpx.AsyncClient(
            base_url=scene.web.url, headers=headers, timeout=60, transport=narrow()
        ) as client,
        client.stream("GET", f"/api/jobs/{long}/events", headers=NDJSON) as export,
        sockets(scene, job) as opened,
        client.stream("GET", f"{address}/stream") as stream,
    ):
        body = export.aiter_raw()
        exported = await anext(body)
        messages = EventSource(stream).aiter_sse()
        assert (await anext(messages)).event == "hello"
        held = asyncio.create_task(client.get(f"{address}/events?after=2&wait=25"))
        await follows(scene, "longpoll")
        scene.web.process.send_signal(signal.SIGTERM)
        await goes_down(scene)

        # A long poll is answered at once; who comes back is told when to try again.
        assert ((await held).status_code, (await held).json()["events"]) == (200, [])
        again = await client.get(f"{address}/events?after=2&wait=25")
        assert (again.status_code, again.json()["code"]) == (503, "going_down")
        assert int(again.headers["Retry-After"]) > 0
        refused = (await client.get(f"{address}/stream")).text
        assert '"code":"going_down"' in refused
        assert "\nretry: " in refused
        for place in (f"/ws/jobs/{job}/", "/ws/feed/"):
            new = websockets.connect(
                f"{scene.web.ws}{place}", additional_headers=headers, open_timeout=60
            )
            async with new as late:
                code, retry, close = await told(late)
                assert (code, close) == ("going_down", 4000)
                assert retry

        # Ordinary requests are answered, on connections that end with the answer; one that was
        # under way is answered to its end.
        answer = await client.get(address)
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        exported += b"".join([chunk async for chunk in body])
        assert exported.decode().split("\n")[:-1] == scene.rows(long)

        scene.web.process.send_signal(signal.SIGTERM)
        for one in opened:
            assert await told(one) == ("going_down", 1.0, 4000)
        assert [message.event async for message in messages][-1] == "stream-error"
    assert await ended(scene.web) == 0


async def a_long_job(scene: LiveServer) -> UUID:
    """Return a job whose export is more than what the kernel buffers for a narrow connection."""
    job = await scene.new_job()
    await scene.append(job, *outputs(100, "x" * 60_000))
    return job


def narrow() -> httpx.AsyncHTTPTransport:
    """Return connections that take little ahead."""
    return httpx.AsyncHTTPTransport(
        socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)]
    )


async def follows(scene: LiveServer, transport: str) -> None:
    """Wait until the process has such a follower."""
    name = f'followers{{of="{transport}"}}'
    await wait_for(lambda: scene.counters().get(name), f"a follower by {transport}")


class Returning:
    """A follower that comes back with its cursor, to whichever process is there."""

    def __init__(self, scene: LiveServer, job: UUID, transport: str) -> None:
        self.transport = transport
        self.texts: list[str] = []
        self.sent_off = 0
        self._scene, self._job = scene, job

    async def follow(self) -> None:
        """Follow to the end."""
        while True:
            await asyncio.sleep(0.1)
            if await self._once():
                return

    async def _once(self) -> bool:
        after = cursor_of(self.texts[-1]) if self.texts else "0"
        follow, headers = TRANSPORTS[self.transport], self._scene.people.alice.headers
        try:
            async for item in follow(self._scene.web, self._job, after, headers):
                if item.kind == "event":
                    self.texts.append(item.text)
                if item.kind == "end":
                    return True
        except Refused as refused:
            if refused.code != "going_down":
                raise
            self.sent_off += 1
        except (httpx.TransportError, websockets.WebSocketException, OSError):
            pass  # there is no process at the moment
        return False


@pytest.fixture
def first(services: Services) -> Iterator[LiveServer]:
    """A process that goes down quickly."""
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_DRAIN_SECONDS="0.5") as started,
    ):
        yield started


@asynccontextmanager
async def another(first: LiveServer, services: Services) -> AsyncIterator[None]:
    """Run a process of the other server's in the place of the first."""
    port = str(first.web.port)
    second = serving(first.database_url, services.valkey.url, "uvicorn", PORT=port)
    await asyncio.to_thread(second.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(second.__exit__, None, None, None)


async def test_a_restart_in_a_followed_run_loses_nothing(
    first: LiveServer, services: Services
) -> None:
    job = await first.new_job(outputs(200))
    followers = [Returning(first, job, transport) for transport in TRANSPORTS]
    following = [asyncio.create_task(one.follow()) for one in followers]
    writing = asyncio.create_task(write(first, job))
    await wait_for(lambda: all(len(one.texts) > 210 for one in followers), "live events")
    first.web.process.send_signal(signal.SIGTERM)
    assert await ended(first.web) == 0
    async with another(first, services):
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await first.finish(job)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*following)
    for one in followers:
        assert one.texts == first.rows(job)
    assert any(one.sent_off for one in followers)


async def write(scene: LiveServer, job: UUID) -> None:
    """Append until cancelled."""
    while True:
        await scene.append(job, *outputs(3))
        await asyncio.sleep(0.02)
