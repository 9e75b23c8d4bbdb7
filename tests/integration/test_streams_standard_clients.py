"""Clients that know nothing of this service follow a job to its end, coming back on the way.

Chromium's own are in `tests/browser/test_standard_clients.py`; here each starts before the job's
events, which go on until the client has come back at least once.
"""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import websockets
from httpx_sse import aconnect_sse

from jobs.log import cursor_of
from ops.setup.clone import Clone
from ops.setup.frontend import find_node
from tests.support.clients import texts_of
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

PATIENCE_SECONDS = 90
EVENTSOURCE = Path(__file__).parent.parent / "eventsource.mjs"


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    """A server whose streams end after half a second: their clients must come back."""
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ROTATE_SECONDS="0.5") as started,
    ):
        yield started


class Client:
    """Somebody's follower: the texts of the events that it got, and how often it connected."""

    def __init__(self, scene: LiveServer, job: UUID) -> None:
        self.texts: list[str] = []
        self.connections = 0
        self.headers = scene.people.alice.headers
        self.path = f"/api/jobs/{job}"
        self.url = f"{scene.web.url}{self.path}"
        self.socket = f"{scene.web.ws}/ws/jobs/{job}/"

    @property
    def cursor(self) -> str:
        """The cursor of the last event that it has."""
        return cursor_of(self.texts[-1]) if self.texts else "0"

    async def follow(self) -> None:
        """Follow to the end."""
        raise NotImplementedError

    async def curl(self, address: str, *arguments: str) -> str:
        """Return what curl prints; it must end well."""
        self.connections += 1
        own = [part for item in self.headers.items() for part in ("-H", ": ".join(item))]
        running = await asyncio.create_subprocess_exec(
            "curl", "-sS", "-N", *own, *arguments, address, stdout=PIPE
        )
        reported, _ = await running.communicate()
        assert running.returncode == 0
        return reported.decode()


class CurlStream(Client):
    """curl on the event stream, started again with the last id that it printed."""

    async def follow(self) -> None:
        last_id, status = "0", ""
        while status != "204":
            reported = await self.curl(
                f"{self.url}/stream", "-H", f"Last-Event-ID: {last_id}", "-w", "%{http_code}"
            )
            *lines, status = reported.split("\n")
            self.texts += [line[6:] for line in lines if line.startswith('data: {"seq"')]
            last_id = ([last_id] + [line[4:] for line in lines if line.startswith("id: ")])[-1]


class CurlLongPoll(Client):
    """curl on the pages, each time from `next`."""

    async def follow(self) -> None:
        after, end = "0", False
        while not end:
            reported = await self.curl(f"{self.url}/events?wait=20&limit=50&after={after}")
            self.texts += texts_of(reported)
            after, end = json.loads(reported)["next"], json.loads(reported)["end"]


class CurlLines(Client):
    """curl on the export, from the last line's cursor, until that is the terminal event."""

    async def follow(self) -> None:
        while not (self.texts and '"type":"job.succeeded"' in self.texts[-1]):
            reported = await self.curl(
                f"{self.url}/events?after={self.cursor}", "-H", "Accept: application/x-ndjson"
            )
            self.texts += reported.split("\n")[:-1]


class HttpxSse(Client):
    """httpx-sse, connected again with the last id."""

    async def follow(self) -> None:
        last_id = "0"
        async with httpx.AsyncClient(headers=self.headers, timeout=60) as client:
            while not last_id.endswith("-end"):
                self.connections += 1
                own = {"Last-Event-ID": last_id}
                async with aconnect_sse(client, "GET", f"{self.url}/stream", headers=own) as source:
                    async for message in source.aiter_sse():
                        last_id = message.id or last_id
                        if message.event == "message":
                            self.texts.append(message.data)


class Websockets(Client):
    """websockets, whose first two connections are left after some events."""

    async def follow(self) -> None:
        code: int | None = None
        while code != 1000:
            self.connections += 1
            async with websockets.connect(
                f"{self.socket}?after={self.cursor}",
                additional_headers=self.headers,
                open_timeout=60,
            ) as opened:
                async for frame in opened:
                    assert isinstance(frame, str)
                    if json.loads(frame)["kind"] == "events":
                        self.texts += texts_of(frame)
                        if self.connections < 3:
                            break
                else:
                    code = opened.close_code


class NpmEventsource(Client):
    """The npm package eventsource, which comes back by itself and stops at 204."""

    async def follow(self) -> None:
        node = str(find_node(Clone.from_env()).folder / "node")
        token = self.headers["Authorization"].removeprefix("Bearer ")
        env = os.environ | {"URL": f"{self.url}/stream", "TOKEN": token}
        running = await asyncio.create_subprocess_exec(
            node, str(EVENTSOURCE), stdout=PIPE, env=env, limit=2**20
        )
        assert running.stdout is not None
        line = ""
        async for raw in running.stdout:
            line = raw.decode().rstrip("\n")
            if line == "open":
                self.connections += 1
            elif line.startswith("{"):
                self.texts.append(line)
        assert (line, await running.wait()) == ("closed 204", 0)


@pytest.mark.parametrize(
    "kind",
    [CurlStream, CurlLongPoll, CurlLines, HttpxSse, Websockets, NpmEventsource],
    ids=lambda kind: kind.__name__,
)
async def test_a_client_that_knows_nothing_of_us_gets_everything(
    scene: LiveServer, kind: type[Client]
) -> None:
    job = await scene.new_job(outputs(40, 'é\u2028"}],data: '))
    client = kind(scene, job)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        following = group.create_task(client.follow())
        while client.connections < 3 and not following.done():
            await scene.append(job, *outputs(2))
            await asyncio.sleep(0.05)
        await scene.finish(job)
    assert client.connections >= 3
    assert client.texts == scene.rows(job)
