"""The feed of all jobs on a WebSocket, from outside a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from core.db import in_thread
from jobs import feed
from jobs.events import EventType, NewEvent
from tests.support.feeding import feed_everything
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.people import Person
from tests.support.services import Services


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url,
            services.valkey.url,
            REPRISE_HEARTBEAT_SECONDS="0.5",
            REPRISE_ACCESS_SECONDS="1",
        ) as started,
    ):
        yield started


class Follower:
    """A client: what it knows of jobs, and how far it is."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.jobs: dict[str, dict[str, Any]] = {}
        self.position = 0

    async def frame(self) -> dict[str, Any]:
        """Take in one frame."""
        text = str(await self.socket.recv())
        assert text.startswith('{"kind":"')
        frame: dict[str, Any] = json.loads(text)
        for job in frame.get("events", []):
            assert job["position"] > self.position
            self.position, self.jobs[job["job"]] = job["position"], job
        if frame["kind"] == "caught_up":
            self.position = frame["seq"]
        return frame

    async def until(self, kind: str) -> dict[str, Any]:
        """Take in frames up to one of a kind."""
        while (frame := await self.frame())["kind"] != kind:
            pass
        return frame

    async def has(self, job: object, **members: object) -> None:
        """Take in frames until it knows this of a job."""
        while not members.items() <= self.jobs.get(str(job), {}).items():
            await self.frame()

    async def closed(self) -> tuple[str, int | None]:
        """Take in frames to the end; return the error's code and the close code."""
        code = ""
        try:
            while True:
                code = (await self.frame()).get("code", code)
        except websockets.ConnectionClosed as end:
            return code, end.rcvd.code if end.rcvd else None


@asynccontextmanager
async def follower(
    scene: LiveServer,
    after: object = 0,
    who: Person | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Follower]:
    own = (who or scene.people.alice).headers if headers is None else headers
    url = f"{scene.web.ws}/ws/feed/?after={after}"
    async with websockets.connect(url, additional_headers=own, open_timeout=60) as socket:
        yield Follower(socket)


async def sequenced() -> None:
    """Have everything that is committed given its position."""
    await in_thread(feed_everything)


async def test_hello_then_how_all_jobs_stand_then_what_moves(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(30))
    await sequenced()
    async with follower(scene) as client:
        hello = await client.frame()
        end = await in_thread(feed.feed_end)
        assert hello == {
            "kind": "hello", "protocol": 1, "job": None, "after": "0", "head": end,
            "heartbeat_s": 0.5,
        }  # fmt: skip
        caught_up = await client.until("caught_up")
        assert caught_up["seq"] == caught_up["head"] == end
        known = client.jobs[str(job)]
        assert (known["status"], known["head"], known["job_kind"]) == ("running", 32, "load")
        assert set(known) == {
            "position", "job", "job_kind", "title", "status", "done", "total", "head", "failed",
        }  # fmt: skip
        await scene.append(job, NewEvent(EventType.JOB_PROGRESSED, {"done": 3, "total": 9}))
        await sequenced()
        await client.has(job, done=3, total=9, head=33)
        await scene.finish(job)
        await sequenced()
        await client.has(job, status="succeeded", head=34)
        assert (await client.until("heartbeat"))["head"] == client.position


async def test_from_a_position_only_what_moved_since_comes(scene: LiveServer) -> None:
    before, moved = await scene.new_job(), await scene.new_job()
    await sequenced()
    position = await in_thread(feed.feed_end)
    for _ in range(5):
        await scene.append(moved, *outputs(3))
        await sequenced()
    async with follower(scene, position) as client:
        frames = [await client.frame() for _ in range(3)]
        assert [frame["kind"] for frame in frames] == ["hello", "events", "caught_up"]
        assert set(client.jobs) == {str(moved)}
        await client.socket.send(json.dumps({"kind": "follow", "after": 0}))
        client.position = 0
        await client.until("caught_up")
        assert {str(before), str(moved)} <= set(client.jobs)


async def test_after_the_list_nothing_is_missed(scene: LiveServer) -> None:
    await sequenced()
    async with httpx.AsyncClient(timeout=60, headers=scene.people.alice.headers) as client:
        listed = (await client.get(f"{scene.web.url}/api/jobs")).json()
    job = await scene.new_job()
    await sequenced()
    async with follower(scene, listed["position"]) as following:
        await following.until("caught_up")
        assert set(following.jobs) == {str(job)}


async def test_the_jobs_of_others_do_not_come(scene: LiveServer) -> None:
    reds = await scene.new_job()
    hers = await in_thread(scene.job, (), scene.people.carol)
    await sequenced()
    async with follower(scene, 0, scene.people.carol) as carol:
        await carol.until("caught_up")
        assert str(hers) in carol.jobs
        assert str(reds) not in carol.jobs
        await scene.append(reds, *outputs(1))
        await scene.append(hers, *outputs(1))
        await sequenced()
        await carol.has(hers, head=3)
        assert str(reds) not in carol.jobs
    async with follower(scene, 0, scene.people.audrey) as audrey:
        await audrey.until("caught_up")
        assert {str(reds), str(hers)} <= set(audrey.jobs)


async def test_whose_sight_changes_is_sent_to_start_again(scene: LiveServer) -> None:
    bob = scene.people.bob.user
    async with follower(scene, 0, scene.people.bob) as client:
        await client.until("caught_up")
        await in_thread(scene.people.blue.members.add, bob)
        assert await client.closed() == ("history_diverged", 4510)
    async with follower(scene, 0, scene.people.bob) as client:
        await client.until("caught_up")
        await in_thread(scene.people.blue.members.remove, bob)
        assert await client.closed() == ("history_diverged", 4510)
    async with follower(scene, 0, scene.people.vera) as client:
        await client.until("caught_up")
        await in_thread(scene.people.vera.user.groups.clear)
        assert await client.closed() == ("forbidden", 4503)


@pytest.mark.parametrize(
    ("after", "code", "close"),
    [
        ("x", "bad_cursor", 4500), ("-1", "bad_cursor", 4500), ("5-5f1c2a9b", "bad_cursor", 4500),
        (str(2**63), "bad_cursor", 4500), (10**9, "cursor_ahead", 4509),
    ],
)  # fmt: skip
async def test_a_bad_position_is_refused(
    scene: LiveServer, after: object, code: str, close: int
) -> None:
    async with follower(scene, after) as client:
        assert await client.closed() == (code, close)


async def test_who_is_not_signed_in_or_sees_no_jobs_is_refused(scene: LiveServer) -> None:
    async with follower(scene, headers={}) as client:
        assert await client.closed() == ("not_signed_in", 4501)
    async with follower(scene, "0&ticket=x", headers={}) as client:
        assert await client.closed() == ("not_signed_in", 4501)
    async with follower(scene, who=scene.people.nobody) as client:
        assert await client.closed() == ("forbidden", 4503)


async def test_idle_followers_share_one_read_and_hints_bring_the_rest(scene: LiveServer) -> None:
    job = await scene.new_job()
    await sequenced()
    async with follower(scene) as one, follower(scene) as other:
        await one.until("caught_up")
        await other.until("caught_up")
        for _ in range(20):
            await scene.append(job, *outputs(1))
            await sequenced()
        head = len(scene.rows(job))
        await one.has(job, head=head)
        await other.has(job, head=head)
    counters = scene.counters()
    assert counters['feed_reads_total{of="hint"}'] >= 1
