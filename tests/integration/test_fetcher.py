"""Jobs that are delivered at once are taken at once; each for itself where one cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from core.db import in_thread
from core.ids import uuid7
from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.events import EventType, NewEvent, parse
from jobs.kinds import registry
from jobs.log import LeaseLost
from jobs.models import Job
from jobs.queue import leases
from jobs.worker.fetcher import Fetcher
from tests.support import workers
from tests.support.factories import output
from tests.support.intruder import Intruder

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    config = settings.REPRISE.with_changes(limits={"test-brief": 1})
    with override_settings(REPRISE_KINDS=workers.KINDS, REPRISE=config):
        yield
    registry._find_kinds.cache_clear()


def submit(who: Principal, kind: str = "test-shared", **params: object) -> UUID:
    return commands.submit(who, kind, params)[0].pk


def test_free_jobs_share_a_transaction_however_many_they_are(who: Principal) -> None:
    few, many = [submit(who) for _ in range(2)], [submit(who) for _ in range(20)]
    costs = []
    for jobs in (few, many):
        with CaptureQueriesContext(connection) as queries:
            taken = leases.take_many(jobs, "test/1")
        costs.append(len(queries))
        assert sorted(taken) == sorted(jobs)
        for job, lease in taken.items():
            assert (lease.job, lease.attempt, lease.status) == (job, 1, "running")
            assert (lease.fresh, lease.holds) == (True, False)
            started = parse(log.read(job).texts[-1])
            assert (started.type, started.at) == ("attempt.started", lease.at)
    assert costs[0] == costs[1]


def test_what_is_not_to_be_had_stays_and_the_others_come(who: Principal) -> None:
    ended, held, paused, free = (submit(who) for _ in range(4))
    commands.cancel(who, ended)
    assert leases.take_job(held, "other/1") is not None
    log.append(paused, [NewEvent(EventType.JOB_PAUSED)], actor=who.actor)
    asked = [ended, held, paused, free, uuid7()]
    assert list(leases.take_many(asked, "test/1")) == [free]
    assert Job.objects.get(pk=held).worker == "other/1"


def test_jobs_that_can_wait_are_taken_by_the_rules_of_waiting(who: Principal) -> None:
    first, second, free = submit(who, "test-brief"), submit(who, "test-brief"), submit(who)
    taken = leases.take_many([second, first, free], "test/1")
    assert set(taken) == {first, free}
    assert taken[first].holds
    assert Job.objects.get(pk=second).status == "waiting"


def test_a_later_attempt_is_not_fresh(who: Principal) -> None:
    job = submit(who)
    first = leases.take_many([job], "dead/1")[job]
    leases.release_lease(job, first.fence)
    second = leases.take_many([job], "test/1")[job]
    assert second.fence > first.fence
    assert (second.attempt, second.fresh) == (2, False)


def test_a_fence_is_given_once_though_the_row_goes_back(who: Principal) -> None:
    job = submit(who)
    before = leases.take_many([job], "cut-off/1")[job]
    Job.objects.filter(pk=job).update(fence=0, lease_until=None)  # as a dump from before has it
    again = leases.take_many([job], "test/1")[job]
    assert again.fence > before.fence
    with pytest.raises(LeaseLost):
        log.append(job, [output("late")], actor="worker:cut-off/1", fence=before.fence)


async def test_a_job_delivered_twice_is_taken_once(who: Principal) -> None:
    job = await in_thread(submit, who)
    taker = Fetcher("test/1")
    leases_ = await asyncio.gather(*(taker.take(job) for _ in range(3)))
    assert [lease is not None for lease in leases_].count(True) == 1


async def test_a_job_that_nobody_waits_for_any_more_is_given_back(who: Principal) -> None:
    job = await in_thread(submit, who)
    taker = Fetcher("test/1")
    asked = asyncio.create_task(taker.take(job))
    await asyncio.sleep(0)
    asked.cancel()
    assert taker._busy is not None
    await taker._busy
    row = await in_thread(Job.objects.get, pk=job)
    assert (row.attempt, row.lease_until) == (1, None)


def break_updates(intruder: Intruder, job: UUID) -> None:
    """Have the database refuse each change of a job's row."""
    intruder.run("create function refuse() returns trigger language plpgsql as "
            "$$ begin raise exception 'This one is broken.'; end $$")  # fmt: skip
    intruder.run(f"create trigger refuse before update on jobs_job for each row "
            f"when (new.id = '{job}') execute function refuse()")  # fmt: skip


async def test_a_job_that_breaks_the_transaction_fails_alone(
    who: Principal, intruder: Intruder, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = await in_thread(submit, who), await in_thread(submit, who)
    await in_thread(break_updates, intruder, bad)
    taker = Fetcher("test/1")
    lease, none = await asyncio.gather(taker.take(good), taker.take(bad))
    assert lease is not None
    assert lease.job == good
    assert none is None
    assert f"job {bad} not taken: This one is broken." in caplog.text
