"""A follower may ask for a heartbeat oftener: on every stream, by the same parameter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

SOCKETS = {"WebSocket": "/ws/jobs/{job}/", "feed": "/ws/feed/"}
STREAMS = {"SSE": "text/event-stream", "octet stream": "application/octet-stream"}
ALL = [*SOCKETS, *STREAMS]
BAD = ["0", "0.9", "15.1", "-2", "nan", "often", ""]


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url) as started,
    ):
        yield started


@asynccontextmanager
async def frames(scene: LiveServer, form: str, query: str) -> AsyncIterator[AsyncIterator[Any]]:
    """Follow a job, or the feed; the value yields frames, the members of a refusal last."""
    job, own = await scene.new_job(outputs(2)), scene.people.alice.headers
    if form in SOCKETS:
        url = f"{scene.web.ws}{SOCKETS[form].format(job=job)}?{query}"
        async with websockets.connect(url, additional_headers=own, open_timeout=60) as socket:
            yield _texts(socket)
        return
    url = f"{scene.web.url}/api/jobs/{job}/stream?{query}"
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=own | {"Accept": STREAMS[form]}) as got,
    ):
        yield _messages(got)


async def _texts(socket: ClientConnection) -> AsyncIterator[Any]:
    try:
        async for text in socket:
            yield json.loads(text)
    except ConnectionClosedError as closed:
        yield {"closed": closed.rcvd and closed.rcvd.code}


async def _messages(got: httpx.Response) -> AsyncIterator[Any]:
    if got.status_code != 200:
        yield json.loads(await got.aread()) | {"status": got.status_code}
    async for line in got.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize(("query", "reported"), [("heartbeat_s=1", 1), ("heartbeat_s=1.5", 1.5)])
async def test_a_heartbeat_comes_as_often_as_was_asked_for(
    scene: LiveServer, form: str, query: str, reported: float
) -> None:
    async with frames(scene, form, query) as found:
        assert (await anext(found))["heartbeat_s"] == reported
        kinds = [frame.get("kind", "event") async for frame in up_to(found, "heartbeat")]
    assert kinds[-2:] == ["caught_up", "heartbeat"]


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("query", ["after=0", "heartbeat_s=15"])
async def test_it_is_the_servers_otherwise(scene: LiveServer, form: str, query: str) -> None:
    async with frames(scene, form, query) as found:
        assert (await anext(found))["heartbeat_s"] == 15


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("value", BAD)
async def test_a_bad_heartbeat_is_a_bad_request(scene: LiveServer, form: str, value: str) -> None:
    async with frames(scene, form, f"heartbeat_s={value}") as found:
        reported, *rest = [frame async for frame in found]
    assert reported["code"] == "bad_request"
    assert [error["parameter"] for error in reported["errors"]] == ["heartbeat_s"]
    if form in STREAMS:
        assert (reported["status"], rest) == (400, [])
    else:
        assert rest == [{"closed": 4500}]


async def up_to(found: AsyncIterator[Any], kind: str) -> AsyncIterator[Any]:
    async for frame in found:
        yield frame
        if frame.get("kind") == kind:
            return
