"""Followers while Valkey, Postgres or their own access goes away under them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.db import Error

from core import clock
from core.db import in_thread
from jobs.models import ApiToken, Team
from ops.embedded import postgres, valkey
from tests.support.clients import ALL, TRANSPORTS, Headers, Item, Refused
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.people import Person, make_person
from tests.support.services import Services

PATIENCE_SECONDS = 45


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Servers that these tests may stop and freeze."""
    services = Services(tmp_path_factory.mktemp("faults"))
    yield services
    services.stop()


@pytest.fixture(scope="module")
def scene(own: Services) -> Iterator[LiveServer]:
    with (
        own.database() as database_url,
        live_server(database_url, own.valkey.url, REPRISE_ACCESS_SECONDS="1") as started,
    ):
        yield started


class Following:
    """A follower in the background."""

    def __init__(self, scene: LiveServer, job: UUID, transport: str, headers: Headers) -> None:
        self.items: list[Item] = []
        self._changed = asyncio.Event()
        self._items = TRANSPORTS[transport](scene.web, job, "0", headers)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for item in self._items:
            self.items.append(item)
            self._changed.set()

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.items if item.kind == "event"]

    async def has(self, count: int) -> None:
        """Wait until it has so many events."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.texts) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def following(
    scene: LiveServer, job: UUID, *transports: str, who: Person | None = None
) -> AsyncIterator[list[Following]]:
    headers = (who or scene.people.alice).headers
    all_of_them = [Following(scene, job, transport, headers) for transport in transports]
    try:
        for one in all_of_them:
            await one.has(len(scene.rows(job)))
        yield all_of_them
    finally:
        for one in all_of_them:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in all_of_them), return_exceptions=True)


async def goes_on(scene: LiveServer, job: UUID, followers: list[Following]) -> None:
    """Append again and again; everybody gets each event while the trouble lasts."""
    for _ in range(4):
        await scene.append(job, *outputs(2))
        for one in followers:
            await one.has(len(scene.rows(job)))


async def hints_come_again(scene: LiveServer, job: UUID, followers: list[Following]) -> None:
    """Append until one arrives as a hint."""
    used = 'hints_total{of="used"}'
    before = (await asyncio.to_thread(scene.counters)).get(used, 0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await asyncio.to_thread(scene.counters)).get(used, 0) <= before:
            await goes_on(scene, job, followers)


async def test_a_frozen_valkey_holds_up_nobody(scene: LiveServer, own: Services) -> None:
    job = await scene.new_job(outputs(5))
    async with following(scene, job, *TRANSPORTS) as followers:
        os.kill(own.valkey.pid, signal.SIGSTOP)
        try:
            await goes_on(scene, job, followers)
            async with following(scene, job, *TRANSPORTS) as newcomers:
                await goes_on(scene, job, [*followers, *newcomers])
        finally:
            os.kill(own.valkey.pid, signal.SIGCONT)
        await hints_come_again(scene, job, followers)
        await scene.finish(job)
        for one in followers:
            await one.task
            assert one.texts == scene.rows(job)


async def test_a_valkey_that_is_gone_is_missed_by_nobody(scene: LiveServer, own: Services) -> None:
    job = await scene.new_job(outputs(5))
    async with following(scene, job, *TRANSPORTS) as followers:
        await asyncio.to_thread(own.valkey.stop)
        try:
            await goes_on(scene, job, followers)
        finally:
            again = await asyncio.to_thread(valkey.start, own.folder, durable=False)
            own.valkey = own._keep(again)
        await hints_come_again(scene, job, followers)
        await scene.finish(job)
        for one in followers:
            await one.task
            assert one.texts == scene.rows(job)


async def test_a_postgres_that_starts_again_costs_no_follower(
    scene: LiveServer, own: Services
) -> None:
    job = await scene.new_job(outputs(2500))
    async with following(scene, job, "websocket", "sse") as followers:
        await asyncio.to_thread(own.postgres.stop)
        newcomers = [refusal(scene, job, transport) for transport in AWAY]
        assert dict(zip(AWAY, await asyncio.gather(*newcomers), strict=True)) == AWAY
        again = await asyncio.to_thread(postgres.start, own.folder, durable=False)
        own.postgres = own._keep(again)
        await in_the_end(scene, job)
        await hints_come_again(scene, job, followers)
        await scene.finish(job)
        for one in followers:
            await one.task
            assert one.texts == scene.rows(job)


AWAY = {
    "websocket": ("unavailable", None, 4000), "feed": ("unavailable", None, 4000),
    "sse": ("unavailable", 200, None), "octets": ("unavailable", 200, None),
    "longpoll": ("unavailable", 503, None),
}  # fmt: skip


async def refusal(
    scene: LiveServer, job: UUID, transport: str
) -> tuple[str, int | None, int | None]:
    """Come anew; return what the refusal says: code, HTTP status, close code."""
    with pytest.raises(Refused) as refused:
        await anext(ALL[transport](scene.web, job, "0", scene.people.alice.headers))
    return refused.value.code, refused.value.status, refused.value.close


async def in_the_end(scene: LiveServer, job: UUID) -> None:
    """Append; this process has dead connections to get rid of first."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await scene.append(job, *outputs(1))
            except Error:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.parametrize(
    ("transport", "status", "close"), [("websocket", None, 4501), ("sse", 200, None)]
)
async def test_a_revoked_token_ends_the_stream(
    scene: LiveServer, transport: str, status: int | None, close: int | None
) -> None:
    job = await scene.new_job(outputs(5))
    dora = await in_thread(make_person, f"dora-{transport}", "viewer", scene.people.red)
    async with following(scene, job, transport, who=dora) as [follower]:
        # An update tells nobody; only asking again finds it.
        mine = ApiToken.objects.filter(user=dora.user)
        await in_thread(mine.update, revoked_at=clock.now())
        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(follower.task, PATIENCE_SECONDS)
    assert refused.value.code == "not_signed_in"
    assert (refused.value.status, refused.value.close) == (status, close)


@pytest.mark.parametrize(
    ("transport", "status", "close"), [("websocket", None, 4503), ("sse", 200, None)]
)
async def test_access_that_is_taken_away_ends_the_stream(
    scene: LiveServer, transport: str, status: int | None, close: int | None
) -> None:
    job = await scene.new_job(outputs(5))
    emil = await in_thread(make_person, f"emil-{transport}", "viewer", scene.people.red)
    async with following(scene, job, transport, who=emil) as [follower]:
        places = Team.members.through.objects.filter(user=emil.user)
        await in_thread(places.delete)  # tells nobody either
        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(follower.task, PATIENCE_SECONDS)
    assert refused.value.code == "forbidden"
    assert (refused.value.status, refused.value.close) == (status, close)


async def test_open_streams_hold_no_database_connection_and_no_thread(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(5))
    many = ["websocket", "sse"] * 25
    async with following(scene, job, *many) as followers:
        await goes_on(scene, job, followers)
        # Only the pools' own, at most: this process's and the server's 16, the hub's 4.
        assert await in_thread(_connections, scene) < len(many)
        assert await in_thread(_threads, scene.web.process.pid) < 20


def _threads(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


def _connections(scene: LiveServer) -> int:
    with psycopg.connect(scene.database_url) as connection:
        [(count,)] = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
        ).fetchall()
    return int(count)
