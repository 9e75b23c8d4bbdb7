"""Group commit: many callers, few commits, everybody answered, nothing stored twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from core.db import in_thread
from core.errors import NotNow
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.events.recording import broken_at
from jobs.log import Append, LeaseLost
from jobs.log.writer import Writer
from jobs.models import Job
from jobs.run.run_log import RunLog
from jobs.secrets.vault import Vault
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import open_intruder
from tests.support.sealing import cut
from tests.support.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer()
    yield writer
    writer.stop()


@pytest.fixture
def jobs() -> list[Job]:
    return [make_job(events=[ATTEMPT], fence=1) for _ in range(8)]


async def test_waiting_appends_share_commits(writer: Writer, jobs: list[Job]) -> None:
    wishes = [Append(job.pk, [output(f"{n}\n")], "worker:w") for n in range(20) for job in jobs]
    receipts = await asyncio.gather(*(writer.append(wish) for wish in wishes))
    assert writer.appends == 160
    assert writer.commits <= 20
    for number, job in enumerate(jobs):
        assert [receipt.last for receipt in receipts[number::8]] == list(range(3, 23))
        assert broken_at(job.pk, (await in_thread(log.read, job.pk)).texts) is None


async def test_a_bad_append_is_answered_alone(writer: Writer, jobs: list[Job]) -> None:
    job = jobs[0]
    results = await asyncio.gather(
        writer.append(Append(job.pk, [output("a")], "worker:w", fence=1)),
        writer.append(Append(job.pk, [output("zombie")], "worker:w", fence=0)),
        writer.append(Append(job.pk, [NewEvent(EventType.JOB_CANCELLED)], "worker:w", fence=1)),
        writer.append(Append(job.pk, [output("b")], "worker:w", fence=1)),
        return_exceptions=True,
    )
    assert isinstance(results[1], LeaseLost)
    assert isinstance(results[2], NotNow)
    assert len(await in_thread(log.read, job.pk)) == 4


async def test_a_locked_job_does_not_hold_up_the_others(
    writer: Writer, jobs: list[Job], database: str
) -> None:
    locked, free = jobs[:2]
    async with await psycopg.AsyncConnection.connect(database) as other:
        await other.execute("select 1 from jobs_job where id = %s for update", [locked.pk])
        waiting = asyncio.create_task(writer.append(Append(locked.pk, [output("x")], "w")))
        await writer.append(Append(free.pk, [output("y")], "w"))
        assert not waiting.done()
    assert (await waiting).last == 3


async def test_cut_connections_lose_and_double_nothing(
    writer: Writer, jobs: list[Job], database: str, services: Services
) -> None:
    job = jobs[0]
    superuser = services.postgres.superuser_url
    name = database.rsplit("/", 1)[1]
    async with await psycopg.AsyncConnection.connect(superuser, autocommit=True) as killer:
        for number in range(40):
            append = asyncio.create_task(writer.append(Append(job.pk, [output(str(number))], "w")))
            await asyncio.sleep(0.001 * (number % 5))
            await killer.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
            )
            await append
    texts = (await in_thread(log.read, job.pk)).texts
    assert len(texts) == 42
    assert broken_at(job.pk, texts) is None


@pytest.mark.parametrize("more", [0, 1, 5])
async def test_a_run_whose_events_are_gone_is_told_before_it_writes_another(
    writer: Writer, jobs: list[Job], services: Services, database: str, more: int
) -> None:
    job = jobs[0]
    run = RunLog(job.pk, 1, "worker:w", writer, Vault(), lambda _: None)
    await run.append([output("kept")])
    await run.append([output("lost")] * 3)
    with open_intruder(services, database) as intruder:
        cut(intruder, job, 3)  # as a standby has it that did not get the rest
    if more:
        await in_thread(log.append, job.pk, [output("other")] * more, actor="user:ann")
    before = (await in_thread(log.read, job.pk)).texts
    with pytest.raises(LeaseLost, match="gone back"):
        await run.append([output("next")])
    assert (await in_thread(log.read, job.pk)).texts == before


async def test_a_run_goes_on_after_events_of_others(writer: Writer, jobs: list[Job]) -> None:
    job = jobs[0]
    run = RunLog(job.pk, 1, "worker:w", writer, Vault(), lambda _: None)
    await run.append([output("one")])
    await in_thread(log.append, job.pk, [output("other")] * 4, actor="user:ann")
    assert (await run.append([output("two")])).last == 8
    receipts = await asyncio.gather(*(run.append([output("many")] * 2) for _ in range(10)))
    assert max(receipt.last for receipt in receipts) == 28
