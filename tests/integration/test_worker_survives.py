"""Real worker processes, and kinds whose code would end them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import UUID

import pytest
from django.db import connection
from django.test import override_settings

from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import Event, parse
from jobs.events.fold import TERMINAL
from jobs.kinds import registry
from jobs.models import Job
from tests.chaos import kinds
from tests.support import workers
from tests.support.factories import make_user
from tests.support.sweeps import sweep_once
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("redis")

T = TypeVar("T")

KINDS = (kinds.PATH, *workers.KINDS)


@pytest.fixture(autouse=True)
def known(database: str) -> Iterator[None]:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=KINDS):
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture
def who(database: str) -> Principal:
    return visibility.of_user(make_user(staff=True))


def env(database: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "REPRISE_KINDS": ",".join(KINDS),
        "REPRISE_LEASE_SECONDS": "3",
    }


def submit(who: Principal, kind: str, **params: object) -> UUID:
    return commands.submit(who, kind, params)[0].pk


def swept(look: Callable[[], T | None], what: str) -> T:
    """Wait, while a sweep delivers what nobody runs."""

    def sweep_and_look() -> T | None:
        sweep_once()
        return look()

    return until(sweep_and_look, what)


def ended(job: UUID) -> Job:
    """Wait for a job's end."""
    return swept(lambda: Job.objects.filter(pk=job, status__in=TERMINAL).first(), f"end of {job}")


def events(job: UUID, *types: str) -> list[Event]:
    found = map(parse, log.read(job).texts)
    return [event for event in found if not types or event.type in types]


def test_no_fault_of_a_kind_ends_the_worker_or_another_run(database: str, who: Principal) -> None:
    faults = [name for name in kinds.FAULTS if name not in {kinds.KILL, kinds.BLOCK}]
    with workers.processes(1, **env(database)) as [process]:
        held = submit(who, "test-brief", hang=True)
        until(lambda: events(held, "step.started"), "the run beside")
        for name in faults:
            row = ended(submit(who, kinds.Faulty.name, fault=name))
            assert (row.status, row.attempt) == ("failed", 1)
            assert row.message == f"{kinds.STEP}: {kinds.FAULTS[name].words}."
        assert process.poll() is None
        assert Job.objects.get(pk=held).attempt == 1


def test_a_blocked_loop_costs_no_run_its_lease(database: str, who: Principal) -> None:
    held: list[UUID] = []

    def both_have_some() -> bool:
        held.append(submit(who, "test-brief", hang=True))
        swept(lambda: events(held[-1], "step.started"), "a run")
        return len({Job.objects.get(pk=job).worker for job in held}) == 2

    with workers.processes(2, **env(database)):
        until(both_have_some, "runs in both workers")  # one is blocked, the other looks for work
        blocking = ended(submit(who, kinds.Faulty.name, fault=kinds.BLOCK))
        assert (blocking.attempt, blocking.message) == (1, "misbehave: the loop was blocked.")
        assert {Job.objects.get(pk=job).attempt for job in held} == {1}


def test_a_run_that_kills_its_worker_fails_after_so_many_attempts(
    database: str, who: Principal
) -> None:
    with workers.restarted(**env(database)) as processes:
        early = submit(who, "test-brief", hang=True)
        job = submit(who, kinds.Faulty.name, fault=kinds.KILL)
        third = swept(lambda: [*events(job, "attempt.started"), *[None] * 3][2], "a third attempt")
        late = submit(who, "test-brief", hang=True)
        swept(lambda: events(late, "step.started"), "the run beside")
        ends = len(processes)
        row = ended(job)
        assert (row.status, row.attempt) == ("failed", 5)
        assert ended(early).status == "succeeded"
        # From its third attempt on it ran apart, and nothing died with it.
        assert [one.data for one in events(late, "attempt.started")] == [
            {"worker": f"{socket.gethostname()}/{processes[-1].pid}"}
        ]
        assert len(processes) == ends
        assert third.data["worker"].rpartition("/")[2] != str(processes[-1].pid)
    attempts = events(job, "attempt.started")
    names = [one.data["worker"] for one in attempts]
    [failed] = events(job, "job.failed")
    assert [one["attempt"] for one in failed.data["attempts"]] == [1, 2, 3, 4, 5]
    assert [one["worker"] for one in failed.data["attempts"]] == names
    assert failed.data["message"].startswith("5 attempts ended without a word, with the worker: ")
    assert all(f"on {name}, begun " in failed.data["message"] for name in names)
    assert failed.data["message"].endswith(f" Running then: {kinds.STEP}.")
    [step] = events(job, "step.failed")
    assert step.data["error"]["type"] == "WorkerLost"
    assert [one.data.get("lost", {}).get("attempt") for one in attempts] == [None, 1, 2, 3, 4]


def test_a_run_that_is_handed_over_has_lost_no_attempt(database: str, who: Principal) -> None:
    job = submit(who, "test-brief", hang=True)
    with workers.processes(1, **env(database)) as [process]:
        until(lambda: events(job, "step.started"), "the step")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    with workers.processes(1, **env(database)):
        assert ended(job).status == "succeeded"
    attempts = events(job, "attempt.started")
    assert len(attempts) > 1
    assert not [one.data for one in attempts if "lost" in one.data]


def test_an_interrupt_from_outside_stops_the_worker(database: str) -> None:
    with workers.processes(1, **env(database)) as [process]:
        until(_workers, "the worker")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0


def _workers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from jobs_worker")
        return int(cursor.fetchone()[0])
