"""A client that reads nothing costs the server no memory, and reads on where it was."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import websockets

from tests.support.clients import texts_of
from tests.support.live_server import SERVERS, LiveServer, live_server, outputs
from tests.support.services import Services

BYTES, MIB = 60_000, 1024 * 1024
WINDOW = 64 * 1024  # of a reader who asks for little
# What a follower may hold, in the process and in the kernel: frames, both buffers, the window.
MOST = MIB
EVENTS = (MOST + 2 * MIB) // BYTES
# Requests that a server answers while it is asked whether it waits.
LOOKS = 5
# More than a job's ring has.
RING = 3 * MIB // BYTES


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param) as started,
    ):
        yield started


def sent(scene: LiveServer, transport: str) -> int:
    """Return how many events the process has sent so far."""
    return scene.counters().get(f'sent_events_total{{of="{transport}"}}', 0)


async def stalled(scene: LiveServer, transport: str, base: int) -> int:
    """Return how many events beyond `base` were sent once the server waits for the client: it had
    time for other requests in a row, and sent nothing more meanwhile."""
    before, same = base, 0
    while same < LOOKS:
        counters = await asyncio.to_thread(scene.counters)
        now = counters.get(f'sent_events_total{{of="{transport}"}}', 0)
        waits = counters["blocked"] == 1 and now > base
        # One that does not wait sends all that there is.
        same = same + 1 if now == before and (waits or now >= base + EVENTS) else 0
        before = now
    return before - base


_long_jobs: dict[str, UUID] = {}


async def a_long_job(scene: LiveServer) -> UUID:
    """Return a job of more than the way to here holds; one for all tests on a database."""
    if scene.database_url not in _long_jobs:
        job = await scene.new_job()
        await append(scene, job, EVENTS)
        await scene.finish(job)
        _long_jobs[scene.database_url] = job
    return _long_jobs[scene.database_url]


async def append(scene: LiveServer, job: UUID, count: int) -> None:
    """Append so many events that are nearly as large as may be."""
    for first in range(0, count, 50):
        await scene.append(job, *outputs(min(50, count - first), "x" * BYTES))


def narrow(scene: LiveServer) -> socket.socket:
    """Return a connection that takes little ahead."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    made.connect(("127.0.0.1", scene.web.port))
    return made


async def test_a_socket_that_reads_nothing_is_not_written_to_without_end(scene: LiveServer) -> None:
    job = await a_long_job(scene)
    url = f"{scene.web.ws}/ws/jobs/{job}/?after=0"
    headers, base = scene.people.alice.headers, sent(scene, "websocket")
    async with websockets.connect(
        url, additional_headers=headers, max_queue=1, sock=narrow(scene), open_timeout=60
    ) as opened:
        assert BYTES * await stalled(scene, "websocket", base) < MOST
        texts: list[str] = []
        async for frame in opened:
            assert isinstance(frame, str)
            if frame.startswith('{"kind":"events"'):
                texts += texts_of(frame)
    assert texts == scene.rows(job)
    assert scene.counters()["blocked"] == 0


async def test_whom_the_job_leaves_behind_is_told_and_served_from_the_log(
    scene: LiveServer,
) -> None:
    job = await scene.new_job()
    url, headers = f"{scene.web.ws}/ws/jobs/{job}/?after=0", scene.people.alice.headers
    kinds, texts = [], list[str]()
    async with websockets.connect(
        url, additional_headers=headers, max_queue=1, sock=narrow(scene), open_timeout=60
    ) as opened:
        async for frame in opened:
            assert isinstance(frame, str)
            kinds.append(json.loads(frame)["kind"])
            texts += texts_of(frame) if kinds[-1] == "events" else []
            if kinds.count("caught_up") == 1 and kinds[-1] == "caught_up":
                # While nothing is read: more than the way to here and the ring hold together.
                await append(scene, job, EVENTS + RING)
                await scene.finish(job)
    assert texts == scene.rows(job)
    marks = [kind for kind in kinds if kind not in {"events", "heartbeat"}]
    behind = marks.count("fell_behind")
    assert behind > 0
    assert marks == ["hello", "caught_up", *["fell_behind", "caught_up"] * behind, "end"]


async def test_a_stream_that_reads_nothing_is_not_written_to_without_end(scene: LiveServer) -> None:
    job = await a_long_job(scene)
    url, headers = f"{scene.web.url}/api/jobs/{job}/stream", scene.people.alice.headers
    base = sent(scene, "sse")
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)]
    transport = httpx.AsyncHTTPTransport(socket_options=options)
    async with (
        httpx.AsyncClient(timeout=60, transport=transport) as client,
        client.stream("GET", url, headers=headers) as got,
    ):
        assert BYTES * await stalled(scene, "sse", base) < MOST
        body = b"".join([chunk async for chunk in got.aiter_raw()])
    lines = body.decode().split("\n")
    assert [line[6:] for line in lines if line.startswith('data: {"seq"')] == scene.rows(job)
    assert scene.counters()["blocked"] == 0
