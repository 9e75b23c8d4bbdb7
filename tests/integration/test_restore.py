"""A dump restored into a fresh server: cursors, chain, feed, snapshots and appends go on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from core.errors import CursorAhead, HistoryDiverged
from jobs import feed, log
from jobs.events import recording
from jobs.feed import consumers
from jobs.log import Cursor
from jobs.log.state import folded_events, state_at
from jobs.models import Snapshot
from ops.embedded import postgres
from ops.embedded.server import Server
from tests.support.django_servers import using_database
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.services import Services, with_database

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def fresh_server(folder: Path) -> Iterator[Server]:
    """Run another Postgres, provisioned as `ops/up` does it, with nothing in its database."""
    folder.mkdir()
    with postgres.start(folder, durable=False) as server:
        yield server


def move(source: str, server: Server, dump: Path) -> None:
    """Dump a database and restore it into a server, by the wheel's own programs."""
    tools = Path(server.prepared.command[0]).parent
    target = f"--dbname={server.superuser_url}"
    save = [str(tools / "pg_dump"), "--format=custom", f"--file={dump}", source]
    load = [str(tools / "pg_restore"), "--exit-on-error", target, str(dump)]
    for command in (save, load):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr


def one(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def fed() -> list[tuple[int, UUID, int]]:
    return [(event.position, event.job, event.seq) for event in feed.read_feed(0, 100_000).events]


def sequence_all() -> None:
    while feed.sequence_events():
        pass


def burn_transactions(url: str, count: int) -> None:
    """Move a cluster's transaction counter on."""
    with psycopg.connect(url, autocommit=True) as other:
        for _ in range(count):
            other.execute("select pg_current_xact_id()")


def assert_whole() -> None:
    """Check that the feed has every event once, each job's in its own order."""
    found = fed()
    assert [position for position, _, _ in found] == list(range(1, len(found) + 1))
    assert len(found) == one("select count(*) from jobs_event")
    heads: dict[UUID, int] = {}
    for _, job, seq in found:
        assert seq == heads.get(job, 0) + 1
        heads[job] = seq


def test_everything_goes_on_in_a_fresh_server(
    services: Services, database: str, tmp_path: Path
) -> None:
    source = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    burn_transactions(source, 5000)
    jobs = [make_job(events=[ATTEMPT]).pk for _ in range(3)]
    log.append(jobs[0], [output("x")] * 1500, actor="worker:w")
    sequence_all()
    listener = next(
        each for each in consumers.find_consumers().consumers if each.name == "snapshots"
    )
    while consumers.run_once(listener):
        pass
    for job in jobs:  # left unfed
        log.append(job, [output("unfed")] * 3, actor="worker:w")
    before, texts = fed(), {job: log.read(job, 0, 5000).texts for job in jobs}
    horizon = int(str(one("select horizon from jobs_feed_state")))
    head = log.read_head(jobs[0])
    assert head is not None

    with fresh_server(tmp_path / "fresh") as server:
        move(source, server, tmp_path / "dump")
        with using_database(server.url):
            assert int(str(one("select pg_snapshot_xmax(pg_current_snapshot())"))) < horizon
            # what was there is there, byte for byte; and the feed says that it lags
            assert {job: log.read(job, 0, 5000).texts for job in jobs} == texts
            assert feed.lag_seconds() > 0
            log.append(jobs[1], [output("after")], actor="worker:w")
            assert feed.sequence_events() == 10
            assert fed()[: len(before)] == before
            assert_whole()
            assert feed.lag_seconds() == 0
            assert feed.sequence_events() == 0
            # appends, the chain, cursors
            make_job(events=[ATTEMPT])
            log.append(jobs[0], [output("y")] * 600, actor="worker:w")
            assert feed.lag_seconds() > 0
            assert feed.sequence_events() == 602
            assert_whole()
            for job in jobs:
                assert recording.broken_at(job, log.read(job, 0, 5000).texts) is None
            assert log.check_cursor(jobs[0], head.cursor).seq == head.seq + 600
            with pytest.raises(HistoryDiverged):
                log.check_cursor(jobs[0], Cursor(5, "00000000"))
            with pytest.raises(CursorAhead):
                log.check_cursor(jobs[0], Cursor(9999))
            # snapshots and their consumer
            counted = folded_events.total
            state_at(jobs[0], 1400)
            assert folded_events.total - counted == 400
            while consumers.run_once(listener):
                pass
            kept = Snapshot.objects.filter(job=jobs[0]).values_list("seq", flat=True)
            assert sorted(kept) == [1000, 2000]
            # the guards came along
            with (
                pytest.raises(psycopg.errors.RestrictViolation),
                psycopg.connect(server.superuser_url) as owner,
            ):
                owner.execute("truncate jobs_event")


def test_old_events_of_transactions_to_come_are_neither_fed_again_nor_lag(
    services: Services, database: str, tmp_path: Path
) -> None:
    source = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    burn_transactions(source, 3000)
    jobs = [make_job(events=[ATTEMPT]).pk for _ in range(3)]
    ahead = int(str(one("select max(xid::text::bigint) from jobs_event")))
    with fresh_server(tmp_path / "fresh") as server:
        move(source, server, tmp_path / "dump")
        with using_database(server.url):
            assert feed.sequence_events() == 6
            while int(str(one("select horizon from jobs_feed_state"))) <= ahead:
                burn_transactions(server.superuser_url, 500)
                assert feed.lag_seconds() == 0
                log.append(jobs[0], [output("on")], actor="worker:w")
                assert feed.sequence_events() == 1
                assert feed.lag_seconds() == 0
            assert_whole()


def test_a_restored_database_takes_the_migrations_that_it_has(
    services: Services, database: str, tmp_path: Path
) -> None:
    make_job()
    source = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with fresh_server(tmp_path / "fresh") as server:
        move(source, server, tmp_path / "dump")
        env = os.environ | {"DATABASE_URL": server.superuser_url}
        command = [sys.executable, "manage.py", "migrate", "--check"]
        ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
