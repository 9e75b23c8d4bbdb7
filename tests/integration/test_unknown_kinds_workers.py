"""Real workers that know different kinds: a job finds its way to one that knows its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import override_settings

from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import Event, parse
from jobs.events.fold import TERMINAL
from jobs.kinds import registry
from jobs.models import Job
from jobs.queue import leases
from ops.setup.clone import ROOT
from tests.support import workers
from tests.support.factories import make_user
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("redis")

PLAIN = ""  # a worker that knows the built-in kinds only
FULL = ",".join(workers.KINDS)


@pytest.fixture(autouse=True)
def known(database: str) -> Iterator[None]:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=workers.KINDS):
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture
def who(database: str) -> Principal:
    return visibility.of_user(make_user(staff=True))


@contextmanager
def worker(database: str, kinds: str) -> Iterator[subprocess.Popen[bytes]]:
    with workers.processes(1, DATABASE_URL=database, REPRISE_KINDS=kinds) as [process]:
        yield process


def submit(who: Principal, **params: object) -> UUID:
    return commands.submit(who, "test-brief", params)[0].pk


def events(job: UUID, type_: str) -> list[Event]:
    return [event for event in map(parse, log.read(job).texts) if event.type == type_]


def ended(job: UUID) -> Job:
    return until(
        lambda: Job.objects.filter(pk=job, status__in=TERMINAL).first(), f"the end of {job}"
    )


def rows() -> dict[str, list[str]]:
    """Return the kinds of each worker by the end of its name, its process id."""
    with connection.cursor() as cursor:
        cursor.execute("select name, kinds from jobs_worker")
        return {name.rpartition("/")[2]: kinds for name, kinds in cursor.fetchall()}


def test_a_worker_without_the_kind_leaves_it_and_one_that_comes_takes_it(
    database: str, who: Principal
) -> None:
    job = submit(who)
    with worker(database, PLAIN) as plain:
        until(lambda: events(job, "job.waiting"), "the job left")
        with worker(database, FULL) as full:  # nobody delivers the job: there is no sweeper
            assert ended(job).status == "succeeded"
        assert plain.poll() is None
    assert {one.data["worker"].rpartition("/")[2] for one in events(job, "attempt.started")} == {
        str(full.pid)
    }
    waits = [one.data["waits"] for one in events(job, "job.waiting") if one.data["for"] == "kind"]
    assert waits == [[{"for": "kind", "kind": "test-brief"}]]


def test_the_one_worker_that_knows_it_takes_more_than_it_has_room_for(
    database: str, who: Principal
) -> None:
    with worker(database, FULL) as process:
        until(lambda: str(process.pid) in rows(), "the worker")
        jobs = [left(who) for _ in range(20)]  # it runs 8 at once
        assert [ended(job).status for job in jobs] == ["succeeded"] * len(jobs)


def left(who: Principal) -> UUID:
    """Submit a job that nothing delivers any more: another worker has had it, and left it."""
    registry._find_kinds.cache_clear()
    with transaction.atomic():
        job = submit(who)
        with connection.cursor() as cursor:
            cursor.execute("delete from procrastinate_jobs where args ->> 'job' = %s", [str(job)])
        known = registry._find_kinds().kinds.pop("test-brief")
        assert leases.take_job(job, "plain/1") is None
        registry._find_kinds().kinds["test-brief"] = known
    return job


def test_one_that_no_worker_knows_can_be_cancelled(database: str, who: Principal) -> None:
    job = submit(who)
    with worker(database, PLAIN):
        until(lambda: events(job, "job.waiting"), "the job left")
        commands.cancel(who, job)
        assert ended(job).status == "cancelled"


def test_a_worker_is_in_the_table_while_it_lives(database: str) -> None:
    with worker(database, FULL) as process:
        kinds = until(lambda: rows().get(str(process.pid)), "the worker")
        assert {"command", "load", "test-brief", "test-shared"} <= set(kinds)
        first = seen()
        until(lambda: seen() > first, "a renewal")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert rows() == {}


def seen() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select seen_at from jobs_worker")
        [moment] = cursor.fetchone()
        assert isinstance(moment, datetime)
        return moment


def test_a_broken_kind_keeps_no_worker_from_starting(
    database: str, who: Principal, tmp_path: Path
) -> None:
    known_kinds = FULL.replace(",tests.support.workers.Shared", "")
    kinds = f"tests.support.bad_exit.Kind,no.such.Kind,{known_kinds}"
    known, unknown = submit(who), commands.submit(who, "test-shared", {})[0].pk
    env = {"DATABASE_URL": database, "REPRISE_KINDS": kinds, "REPRISE_STATE": str(tmp_path)}
    with (tmp_path / "log").open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT, env=os.environ | env, stdout=file, stderr=file,
        )  # fmt: skip
        try:
            assert ended(known).status == "succeeded"
            until(lambda: events(unknown, "job.waiting"), "the other job left")
        finally:
            process.kill()
            process.wait()
    lines = (tmp_path / "log").read_text().splitlines()
    for source in ("tests.support.bad_exit.Kind", "no.such.Kind"):
        [line] = [line for line in lines if source in line]
        assert f"ERROR jobs.kinds.registry job kind {source} (REPRISE_KINDS) left out: " in line
    [line] = [line for line in lines if str(unknown) in line]
    assert line.endswith(f"job {unknown} left: its kind test-shared is not known here")
