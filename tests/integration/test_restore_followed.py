"""A dump restored under a running web process: every follower is told, and none waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from django.db import Error
from httpx_sse import aconnect_sse

from core.db import in_thread
from jobs.log import cursor_of
from tests.support.backups import Backup
from tests.support.clients import ALL, Item, Refused
from tests.support.feeding import feed_everything
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

PATIENCE_SECONDS = 60
# A check that was under way finds another history rather than none.
CLOSE_CODES = {"cursor_ahead": 4509, "history_diverged": 4510}
STATUS = {"sse": 200, "octets": 200, "longpoll": 409}
JOBS_TRANSPORTS = ("websocket", *STATUS)


@pytest.fixture
def scene(services: Services) -> Iterator[LiveServer]:
    with services.database() as url, live_server(url, services.valkey.url) as started:
        yield started


class Follower:
    """A follower in the background, until it is refused."""

    def __init__(self, scene: LiveServer, job: UUID, transport: str) -> None:
        self.items: list[Item] = []
        self._caught_up = asyncio.Event()
        self._scene, self._job, self._transport = scene, job, transport
        self._after = "0"
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Follow; come back while the database is away."""
        while True:
            try:
                return await self._connect()
            except Refused as refused:
                # Until the dump is in, there is no database, then one without tables.
                if refused.code not in {"unavailable", "internal"}:
                    raise
                await asyncio.sleep(0.1)

    async def _connect(self) -> None:
        headers = self._scene.people.alice.headers
        async for item in ALL[self._transport](self._scene.web, self._job, self._after, headers):
            self.items.append(item)
            if item.kind == "event":
                data = item.data
                self._after = str(data.get("position") or f"{data['seq']}-{data['hash'][:8]}")
            if item.kind == "caught_up":
                self._caught_up.set()

    async def is_live(self) -> None:
        """Wait until it has all that was there."""
        await asyncio.wait_for(self._caught_up.wait(), PATIENCE_SECONDS)

    async def refusal(self) -> Refused:
        """Wait until it is told why it gets nothing any more."""
        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(self.task, PATIENCE_SECONDS)
        return refused.value


def assert_told(transport: str, why: Refused) -> None:
    """Check that a follower was told of another history as its transport does it."""
    assert why.code in CLOSE_CODES, transport
    assert why.status == STATUS.get(transport), transport
    assert why.close == (None if transport in STATUS else CLOSE_CODES[why.code]), transport


async def append_again(scene: LiveServer, job: UUID, text: str) -> None:
    """Append; this process has dead connections to get rid of first."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await scene.append(job, *outputs(2, text))
                await in_thread(feed_everything)
            except Error:
                await asyncio.sleep(0.1)
            else:
                return


async def test_followers_are_told_that_the_log_went_back(
    scene: LiveServer, services: Services, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(5))
    await in_thread(feed_everything)
    backup = await asyncio.to_thread(Backup, services, scene.database_url, tmp_path / "dump")
    await scene.append(job, *outputs(20, "lost"))
    await in_thread(feed_everything)
    followers = {name: Follower(scene, job, name) for name in (*JOBS_TRANSPORTS, "feed")}
    for follower in followers.values():
        await follower.is_live()
    await asyncio.to_thread(backup.restore)
    for name, follower in followers.items():
        assert_told(name, await follower.refusal())
    await append_again(scene, job, "new")
    for name in JOBS_TRANSPORTS:
        again = Follower(scene, job, name)
        await again.is_live()
        again.task.cancel()
        assert [item.text for item in again.items if item.kind == "event"] == scene.rows(job)


async def test_a_log_that_went_back_and_on_has_another_history(
    scene: LiveServer, services: Services, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(5))
    backup = await asyncio.to_thread(Backup, services, scene.database_url, tmp_path / "dump")
    await scene.append(job, *outputs(2, "lost"))
    followers = {name: Follower(scene, job, name) for name in JOBS_TRANSPORTS}
    for follower in followers.values():
        await follower.is_live()
    # The web process sees nothing of the database between its two histories.
    scene.web.process.send_signal(19)
    try:
        await asyncio.to_thread(backup.restore)
        for _ in range(3):
            await append_again(scene, job, "new")
    finally:
        scene.web.process.send_signal(18)
    for name, follower in followers.items():
        why = await follower.refusal()
        assert_told(name, why)
        assert why.code == "history_diverged"


async def test_pages_of_a_history_that_was_restored_are_refused(
    scene: LiveServer, services: Services, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(900))
    backup = await asyncio.to_thread(Backup, services, scene.database_url, tmp_path / "dump")
    await scene.append(job, *outputs(1200, "lost"))
    lost = scene.rows(job)
    url = f"{scene.web.url}/api/jobs/{job}/pages"
    lasting = f"{url}/{cursor_of(lost[999])}"
    async with httpx.AsyncClient(timeout=60, headers=scene.people.alice.headers) as client:
        assert (await client.get(lasting)).text == "".join(f"{text}\n" for text in lost[:1000])
        etags = {path: (await client.get(path)).headers["ETag"] for path in (url, f"{url}/1000")}
        await asyncio.to_thread(backup.restore)
        await append_again(scene, job, "new")
        await scene.append(job, *outputs(1100, "new"))
        rows = scene.rows(job)
        refused = await client.get(lasting)
        assert (refused.status_code, refused.json()["code"]) == (409, "history_diverged")
        for path, etag in etags.items():
            assert (await client.get(path, headers={"If-None-Match": etag})).status_code == 200
        wanted = "".join(f"{text}\n" for text in rows[:1000])
        for path in (f"{url}/1000", f"{url}/{cursor_of(rows[999])}"):
            assert (await client.get(path)).text == wanted
        joined = await client.get(url, headers={"Accept": "application/x-ndjson"})
        assert joined.text == "".join(f"{text}\n" for text in rows)


async def test_feed_followers_are_told_of_lost_events_that_the_feed_never_had(
    scene: LiveServer, services: Services, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(5))
    await in_thread(feed_everything)
    backup = await asyncio.to_thread(Backup, services, scene.database_url, tmp_path / "dump")
    await scene.append(job, *outputs(2, "lost"))  # the feed never gets them
    follower = Follower(scene, job, "feed")
    await follower.is_live()
    await asyncio.to_thread(backup.restore)
    assert_told("feed", await follower.refusal())


async def test_eventstream_clients_begin_again(
    scene: LiveServer, services: Services, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(5))
    backup = await asyncio.to_thread(Backup, services, scene.database_url, tmp_path / "dump")
    await scene.append(job, *outputs(3, "lost"))
    rows = scene.rows(job)
    headers, params = scene.people.alice.headers, {"channel": f"job-{job}"}
    got: list[str] = []
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        httpx.AsyncClient(timeout=60, headers=headers) as client,
        aconnect_sse(client, "GET", f"{scene.web.url}/events/", params=params) as source,
    ):
        messages = source.aiter_sse()
        while len(got) < len(rows):
            message = await anext(messages)
            got += [message.data] if message.event == "message" else []
        assert got == rows
        await asyncio.to_thread(backup.restore)
        while (message := await anext(messages)).event != "stream-reset":
            assert message.event == "keep-alive"
        assert message.json() == {"channels": [f"job-{job}"]}
        assert message.id == f"job-{job}:0"
        got.clear()
        while len(got) < len(rows) - 3:
            message = await anext(messages)
            got += [message.data] if message.event == "message" else []
        assert got == rows[:-3]
