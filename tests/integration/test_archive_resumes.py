"""Whatever ends archiving, and whatever happens meanwhile, loses nothing and is taken up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from jobs import log
from jobs.archive import stages
from jobs.log import archive_frames, months, restore
from jobs.log.months import State
from jobs.models import Archive
from ops.setup.clone import ROOT
from tests.support.archives import MARCH, ArchiveFolder, archive, ended, fed, texts
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.waiting import until


@pytest.mark.parametrize("stage", ["written", "checked", "detached", "dropped"])
def test_whatever_ends_it_the_next_call_goes_on(stage: str, archive_folder: ArchiveFolder) -> None:
    job = ended(outputs=1200)
    before = texts(job.pk)
    fed()
    assert archive_folder.stages(stop_after=stage)[-1] == stage
    assert texts(job.pk) == before
    if stage != "dropped":
        archive()
    assert texts(job.pk) == before
    assert MARCH not in months.month_tables()
    assert len(archive_folder.files) == 1
    assert Archive.objects.get().dropped_at is not None
    assert archive() == ""


def test_a_drop_that_was_not_recorded_is(archive_folder: ArchiveFolder) -> None:
    job = ended()
    before = texts(job.pk)
    fed()
    archive_folder.stages(stop_after="detached")
    with psycopg.connect(archive_folder.owner_url) as owner:
        owner.execute("drop table jobs_event_2025_03")
    assert texts(job.pk) == before
    assert "dropped, 6 events" in archive()
    assert Archive.objects.get().dropped_at is not None
    assert archive() == ""


@pytest.mark.parametrize("stage", ["", "checked", "detached"])
def test_an_empty_month_goes_without_a_file(stage: str, archive_folder: ArchiveFolder) -> None:
    restore.make_month(datetime(2025, 3, 1, tzinfo=UTC))
    if stage:
        archive_folder.stages(stop_after=stage)
    reported = archive()
    assert reported.startswith("2025-03: dropped, 0 events\n")
    assert (archive_folder.files, archive()) == ([], "")


def test_a_file_left_half_written_is_written_again(archive_folder: ArchiveFolder) -> None:
    ended(outputs=100)
    fed()
    archive_folder.stages(stop_after="written")
    name = Archive.objects.get().name
    whole = (archive_folder.folder / name).read_bytes()
    Archive.objects.all().delete()  # killed between the file and its rows
    (archive_folder.folder / name).write_bytes(whole[: len(whole) // 2])
    archive()
    assert archive_folder.files == [name]
    assert (archive_folder.folder / name).read_bytes() == whole


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "longer"])
def test_what_cannot_be_read_back_is_never_dropped_for(
    damage: str, archive_folder: ArchiveFolder
) -> None:
    job = ended(outputs=100)
    before = texts(job.pk)
    fed()
    archive(keep=True)
    path = archive_folder.folder / Archive.objects.get().name
    whole = path.read_bytes()
    changed = {"flipped": whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], "cut": whole[:-9]}
    path.write_bytes(changed.get(damage, whole + b"more"))
    if damage == "gone":
        path.unlink()
    archive_folder.stages(stop_after="checked")
    assert path.read_bytes() == whole
    archive()
    assert texts(job.pk) == before


def test_a_detached_month_whose_archive_is_bad_comes_back(archive_folder: ArchiveFolder) -> None:
    job = ended(outputs=100)
    before = texts(job.pk)
    fed()
    archive_folder.stages(stop_after="detached")
    path = archive_folder.folder / Archive.objects.get().name
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(CommandError, match="2025-03"):
        archive()
    assert months.month_tables()[MARCH] == State.ATTACHED
    assert texts(job.pk) == before
    archive()
    assert texts(job.pk) == before


def test_a_transaction_that_is_open_is_waited_for_and_finished_later(
    archive_folder: ArchiveFolder, database: str
) -> None:
    job = ended(outputs=20)
    before = texts(job.pk)
    fed()
    with psycopg.connect(database) as reading:
        reading.execute("select count(*) from jobs_event")
        with pytest.raises(CommandError, match=r"Not archived: 2025-03 \(Transactions that began"):
            archive(wait=0)
        assert months.month_tables()[MARCH] == State.DETACHING
        archive_frames.frame_texts.cache_clear()
        assert texts(job.pk) == before
        log.append(make_job().pk, [ATTEMPT], actor="worker:test/1")
    archive()
    assert MARCH not in months.month_tables()
    assert texts(job.pk) == before


def test_what_commits_while_the_month_is_being_detached_is_not_lost(
    archive_folder: ArchiveFolder, database: str
) -> None:
    first = ended()
    fed()
    late = ended(days=20)
    with psycopg.connect(archive_folder.owner_url) as saved:
        saved.execute("create table kept as select * from jobs_event where job = %s", [late.pk])
        saved.execute("create table kept_job as select * from jobs_job where id = %s", [late.pk])
        saved.execute("set session_replication_role = replica")
        saved.execute("delete from jobs_event where job = %s", [late.pk])
        saved.execute("delete from jobs_job where id = %s", [late.pk])
    with psycopg.connect(archive_folder.owner_url) as open_:
        open_.execute("insert into jobs_job select * from kept_job")
        open_.execute("insert into jobs_event select * from kept")
        refused: list[str] = []
        thread = threading.Thread(target=_archive_in_thread, args=[refused])
        thread.start()
        with psycopg.connect(archive_folder.owner_url, autocommit=True) as looking:
            _wait_for_pending(looking)
        open_.commit()
    thread.join()
    assert "2025-03" in refused[0]
    assert months.month_tables()[MARCH] == State.ATTACHED
    fed()
    archive()
    assert len(texts(first.pk)) == len(texts(late.pk)) == 6


def _archive_in_thread(refused: list[str]) -> None:
    try:
        archive()
    except CommandError as error:
        refused.append(str(error))
    finally:
        connection.close()


def _wait_for_pending(looking: psycopg.Connection[tuple[object, ...]]) -> None:
    while not looking.execute("select 1 from pg_inherits where inhdetachpending").fetchone():
        pass


def test_a_writer_goes_on_meanwhile_and_loses_nothing(archive_folder: ArchiveFolder) -> None:
    old = [ended(outputs=300, days=day) for day in range(1, 6)]
    fed()
    job = make_job(events=[ATTEMPT])
    stop, counts = threading.Event(), [0]

    def write() -> None:
        try:
            while not stop.is_set():
                log.append(job.pk, [output(str(counts[0]))], actor="worker:test/1")
                counts[0] += 1
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen = {}
    with archive_folder.means() as means:
        for stage in stages.archive_month(MARCH, means):
            seen[stage] = counts[0]
            while counts[0] == seen[stage]:  # it appends at every stage, whatever is locked
                assert writer.is_alive()
    stop.set()
    writer.join()
    assert list(seen) == ["written", "checked", "detached", "dropped"]
    assert log.read_head(job.pk) is not None
    assert len(texts(job.pk)) == counts[0] + 2
    assert all(len(texts(one.pk)) == 303 for one in old)


def test_a_process_killed_anywhere_is_taken_up(
    archive_folder: ArchiveFolder, database: str
) -> None:
    job = ended(outputs=3000)
    before = texts(job.pk)
    fed()
    moments: tuple[Callable[[], bool], ...] = (
        lambda: bool(archive_folder.files),
        lambda: Archive.objects.exists(),
        lambda: months.month_tables().get(MARCH) != State.ATTACHED,
    )
    for reached in moments:
        _kill_when(reached, _archiving(archive_folder, database))
        until(lambda: not _archives_now(archive_folder), "the end of the killed one's connection")
        archive_frames.frame_texts.cache_clear()
        assert texts(job.pk) == before
    archive()
    archive_frames.frame_texts.cache_clear()
    assert texts(job.pk) == before
    assert len(archive_folder.files) == 1
    assert Archive.objects.get().dropped_at is not None


def _kill_when(reached: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until(lambda: reached() or process.poll() is not None, "the moment to kill it at")
    process.kill()
    process.wait()


def _archiving(archive_folder: ArchiveFolder, database: str) -> subprocess.Popen[bytes]:
    env = {
        "DATABASE_URL": database,
        "REPRISE_SUPERUSER_DATABASE_URL": archive_folder.owner_url,
        "REPRISE_ARCHIVE": str(archive_folder.folder),
        "REPRISE_STATE": str(settings.REPRISE.state),
    }
    command = [sys.executable, "manage.py", "archive", "--before", str(MARCH.next)]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | env, stderr=subprocess.DEVNULL)


def _archives_now(archive_folder: ArchiveFolder) -> bool:
    held = "select 1 from pg_locks join pg_database d on d.oid = database "
    where = "where locktype = 'advisory' and datname = current_database()"
    with psycopg.connect(archive_folder.owner_url) as looking:
        return looking.execute(held + where).fetchone() is not None
