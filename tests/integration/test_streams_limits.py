"""Who is one follower too many is told so on every transport, and slots are freed for certain."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import httpx
import pytest
import websockets

from tests.support.clients import ALL, Refused
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services
from tests.support.waiting import until

OF_A_USER = 3


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, REPRISE_MAX_FOLLOWERS_PER_USER=str(OF_A_USER)
        ) as started,
    ):
        yield started


@asynccontextmanager
async def following(scene: LiveServer, job: UUID, count: int) -> AsyncIterator[None]:
    """Have so many WebSockets of alice's open, each after its hello."""
    url, headers = f"{scene.web.ws}/ws/jobs/{job}/", scene.people.alice.headers
    async with AsyncExitStack() as stack:
        for _ in range(count):
            opened = await stack.enter_async_context(
                websockets.connect(url, additional_headers=headers, open_timeout=60)
            )
            assert json.loads(await opened.recv())["kind"] == "hello"
        yield


async def nobody_is_left(scene: LiveServer) -> None:
    """Wait until the process knows of no follower."""
    await asyncio.to_thread(until, lambda: not followers(scene), "the last follower's end")


def followers(scene: LiveServer) -> int:
    """Return how many the process knows of."""
    found = scene.counters().items()
    return sum(value for name, value in found if name.startswith("followers"))


@pytest.mark.parametrize(
    ("transport", "status", "close"),
    [
        ("websocket", None, 4003), ("feed", None, 4003), ("sse", 200, None), ("octets", 200, None),
        ("longpoll", 429, None),
    ],
)  # fmt: skip
async def test_one_too_many_is_told_when_to_come_back(
    scene: LiveServer, transport: str, status: int | None, close: int | None
) -> None:
    job = await scene.new_job()
    await nobody_is_left(scene)
    async with following(scene, job, OF_A_USER):
        with pytest.raises(Refused) as refused:
            await anext(ALL[transport](scene.web, job, "2", scene.people.alice.headers))
        assert refused.value.code == "over_limit"
        assert (refused.value.status, refused.value.close) == (status, close)
        follow = ALL[transport](scene.web, job, "0", scene.people.bob.headers)
        assert await anext(follow)  # somebody else has room of their own
        await follow.aclose()


async def test_each_form_says_how_long_to_wait(scene: LiveServer) -> None:
    job = await scene.new_job()
    await nobody_is_left(scene)
    headers = scene.people.alice.headers
    address = f"{scene.web.url}/api/jobs/{job}"
    async with (
        following(scene, job, OF_A_USER),
        httpx.AsyncClient(headers=headers, timeout=60) as client,
    ):
        held = await client.get(f"{address}/events?after=2&wait=20")
        assert (held.status_code, held.json()["code"]) == (429, "over_limit")
        assert int(held.headers["Retry-After"]) >= 5
        for accept in ("text/event-stream", "application/octet-stream"):
            stream = await client.get(f"{address}/stream", headers={"Accept": accept})
            assert stream.headers["content-type"].startswith(accept)
            retry = [line for line in stream.text.split("\n") if line.startswith("retry: ")]
            assert int(retry[-1].removeprefix("retry: ")) >= 5000
        async with websockets.connect(
            f"{scene.web.ws}/ws/jobs/{job}/", additional_headers=headers, open_timeout=60
        ) as refused:
            assert json.loads(await refused.recv())["retry_after_s"] >= 5
        # Who reads a page and does not wait takes no room.
        assert (await client.get(f"{address}/events?after=0")).status_code == 200


async def test_slots_are_freed_however_a_follower_goes(scene: LiveServer) -> None:
    job = await scene.new_job()
    headers = scene.people.alice.headers
    address = f"{scene.web.url}/api/jobs/{job}"
    await nobody_is_left(scene)
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        for path in ("stream?after=99", "stream?rotate_s=x", "events?after=99&wait=1"):
            assert (await client.get(f"{address}/{path}")).status_code in {400, 409}
            assert (await client.head(f"{address}/stream")).status_code == 200
            assert (await client.get(f"{address}/stream?rotate_s=0")).status_code == 200
            await nobody_is_left(scene)
    for _ in range(OF_A_USER + 1):
        gone_before_the_answer(scene, f"/api/jobs/{job}/stream", headers)
        gone_before_the_answer(scene, f"/api/jobs/{job}/events?after=2&wait=25", headers)
        await nobody_is_left(scene)
    async with following(scene, job, OF_A_USER):
        pass
    await nobody_is_left(scene)
    async with following(scene, job, OF_A_USER):
        pass


def gone_before_the_answer(scene: LiveServer, path: str, headers: dict[str, str]) -> None:
    """Ask, and hang up at once."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    with socket.create_connection(("127.0.0.1", scene.web.port)) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode())


@pytest.fixture
def slow_door(services: Services) -> Iterator[LiveServer]:
    """A process that lets in one follower, and no other for long."""
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, REPRISE_NEW_FOLLOWERS_PER_SECOND="0.001"
        ) as started,
    ):
        yield started


async def test_who_comes_in_a_rush_is_spread(slow_door: LiveServer) -> None:
    job = await slow_door.new_job()
    async with following(slow_door, job, 1):
        for transport, follow in ALL.items():
            with pytest.raises(Refused) as refused:
                await anext(follow(slow_door.web, job, "2", slow_door.people.bob.headers))
            assert (transport, refused.value.code) == (transport, "over_limit")
