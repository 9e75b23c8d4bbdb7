"""Postgres restarted and connections killed in mid-append, fifty times.

Every acknowledged event is there, once, as acknowledged; no batch is half there, whether anybody
still waited for its answer or not.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection

from core.db import in_thread, leave_pool
from jobs import log
from jobs.events import parse
from jobs.events.recording import broken_at
from jobs.log import Append, Appended
from jobs.log.writer import Writer
from tests.support.django_servers import using_database
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.services import Services

RUNS = 12
FAULTS = 50
RESTARTS = 10
BATCH = 3
KILL = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where usename = 'reprise' and query not like '%pg_stat_activity%'
"""


@dataclass
class Ledger:
    """What producers asked for, and what they were told."""

    asked: list[UUID] = field(default_factory=list)
    acknowledged: dict[UUID, Appended] = field(default_factory=dict)
    over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    pause: threading.Event = field(default_factory=threading.Event)

    def wish(self, job: UUID) -> Append:
        """Return a new batch whose events name it."""
        tag = uuid4()
        self.asked.append(tag)
        events = [output(f"{tag}/{number}") for number in range(BATCH)]
        return Append(job, events, "worker:w", fence=1, append_id=tag)

    def note(self, wish: Append, receipt: Appended) -> None:
        """Remember an answer."""
        assert wish.append_id is not None
        self.acknowledged[wish.append_id] = receipt
        self.news.set()

    async def more(self, count: int) -> None:
        """Wait until so many more batches have been acknowledged to the runs."""
        enough = len(self.acknowledged) + count
        while len(self.acknowledged) < enough:
            self.news.clear()
            await self.news.wait()


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Services]:
    """A durable Postgres of the test's own, behind Django."""
    own = Services(tmp_path, durable=True)
    try:
        with own.database() as url, using_database(url):
            yield own
    finally:
        own.stop()


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("redis")
async def test_fifty_faults_lose_double_and_halve_nothing(crashing: Services) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it on failure
    jobs = [(await in_thread(make_job, None, [ATTEMPT], fence=1)).pk for _ in range(RUNS)]
    ledger, writer = Ledger(), Writer()
    runs = [asyncio.create_task(_run(writer, job, ledger)) for job in jobs]
    runs.append(asyncio.create_task(asyncio.to_thread(_produce, jobs[0], ledger)))
    await _break(crashing, ledger, random.Random(seed))
    ledger.over = True
    await asyncio.gather(*runs)
    await asyncio.to_thread(writer.stop)
    await in_thread(_check, jobs, ledger)


async def _run(writer: Writer, job: UUID, ledger: Ledger) -> None:
    """Append as a run does; every tenth time nobody waits for the answer."""
    count = 0
    while not ledger.over:
        wish, count = ledger.wish(job), count + 1
        waiting = asyncio.ensure_future(writer.append(wish))
        if count % 10 == 0:
            with suppress(TimeoutError):
                ledger.note(wish, await asyncio.wait_for(waiting, 0.001))
        else:
            ledger.note(wish, await waiting)


def _produce(job: UUID, ledger: Ledger) -> None:
    """Append without a writer, and try again after an unknown outcome, as the contract says."""
    leave_pool()
    while not ledger.over:
        wish = ledger.wish(job)
        while wish.append_id not in ledger.acknowledged:
            try:
                receipt = log.append(
                    wish.job, wish.events, actor=wish.actor, fence=1, append_id=wish.append_id
                )
                ledger.note(wish, receipt)
            except (OperationalError, InterfaceError):
                connection.close()
                ledger.pause.wait(0.05)
    connection.close()


async def _break(own: Services, ledger: Ledger, chance: random.Random) -> None:
    faults = ["restart"] * RESTARTS + ["kill"] * (FAULTS - RESTARTS)
    chance.shuffle(faults)
    for fault in faults:
        await ledger.more(chance.randrange(10, 60))
        if fault == "kill":
            await asyncio.to_thread(_kill_connections, own.postgres.superuser_url)
        else:
            sign = chance.choice([signal.SIGQUIT, signal.SIGINT])  # a crash, or in good order
            await asyncio.to_thread(own.restart_postgres, sign)


def _kill_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(KILL)


def _check(jobs: list[UUID], ledger: Ledger) -> None:
    stored: dict[UUID, list[str]] = {}
    for job in jobs:
        texts = [text for page in log.read_history(job) for text in page.texts]
        assert broken_at(job, texts) is None
        stored[job] = texts
    batches = Counter(
        UUID(parse(text).data["text"].split("/")[0])
        for texts in stored.values()
        for text in texts
        if parse(text).type == "step.output"
    )
    assert set(batches.values()) == {BATCH}
    assert set(batches) <= set(ledger.asked)
    assert set(ledger.acknowledged) <= set(batches)
    assert len(ledger.acknowledged) > FAULTS * 10
    for receipt in ledger.acknowledged.values():
        assert stored[receipt.job][receipt.first - 1 : receipt.last] == receipt.texts
