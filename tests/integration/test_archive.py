"""Months go to files and stay readable; what is not certain stays where it is."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
import zstandard
from django.conf import settings
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from core import clock
from core.db import in_thread
from core.errors import HistoryDiverged, HistoryExpired
from jobs import log
from jobs.events import recording
from jobs.log import AsyncReader, Cursor, archive_frames, months
from jobs.log.archive_frames import MOST_BYTES, Place
from jobs.log.months import Month, Owner, State
from jobs.log.types import PAGE_BYTES
from jobs.models import Archive, ArchivedRange, Job, Seal, SealedHead
from tests.support.archives import (
    APRIL,
    DONE,
    MARCH,
    ArchiveFolder,
    archive,
    ended,
    exported,
    fed,
    texts,
)
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.live_server import other_database
from tests.support.services import Services


def beside(job: Job) -> UUID:
    """Return the id next to a job's."""
    return UUID(int=job.pk.int + 1)


def plain(open_archive: ArchiveFolder, name: str) -> str:
    """Return what `zstd -dc` gives of a file."""
    with (open_archive.folder / name).open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return bytes(reader.read()).decode()


async def test_a_dropped_month_reads_as_before(
    archive_folder: ArchiveFolder, database: str
) -> None:
    await in_thread(_archive_and_read, archive_folder)
    job = await in_thread(lambda: Job.objects.order_by("pk").first())
    assert job is not None
    before = await in_thread(texts, job.pk)
    archive_frames.frame_texts.cache_clear()
    async with AsyncReader(database) as reader:
        for after, limit in ((0, 1000), (0, 10_000), (998, 5), (1000, 1000), (1503, 1000), (7, 1)):
            page = await reader.read(job.pk, after, limit)
            assert page.texts == before[after : after + limit]
        assert len(await reader.read(job.pk, job.head)) == 0
        cursor = Cursor(1500, before[1499][-66:-58])
        assert (await reader.check_cursor(job.pk, cursor)).seq == job.head
        with pytest.raises(HistoryDiverged):
            await reader.check_cursor(job.pk, Cursor(1500, "00000000"))


def _archive_and_read(archive_folder: ArchiveFolder) -> None:
    jobs = [ended(outputs=2500, days=1), ended(days=2), ended(days=3, outputs=0)]
    jobs.append(ended(days=30.9))
    log_of = {job.pk: texts(job.pk) for job in jobs}
    exports = "".join(exported(job.pk) for job in jobs)
    fed()
    reported = archive()
    assert "2025-03: dropped, " in reported
    assert MARCH not in months.month_tables()
    assert "jobs_event_2025_03" not in str(months.month_tables())
    [name] = archive_folder.files
    assert plain(archive_folder, name) == exports
    row = Archive.objects.get()
    assert (row.name, row.jobs, row.events) == (name, 4, sum(map(len, log_of.values())))
    assert row.dropped_at is not None
    for job in jobs:
        assert texts(job.pk) == log_of[job.pk]
        assert recording.broken_at(job.pk, texts(job.pk)) is None
        found = log.check_cursor(job.pk, Cursor(2, log_of[job.pk][1][-66:-58]))
        assert found.seq == job.head
        with pytest.raises(HistoryDiverged):
            log.check_cursor(job.pk, Cursor(2, "00000000"))
    assert log.read(jobs[0].pk, 990, 20).texts == log_of[jobs[0].pk][990:1010]


def test_a_frame_ends_before_it_is_large(archive_folder: ArchiveFolder) -> None:
    large = [output("x" * 60_000) for _ in range(40)]
    job = make_job(events=[ATTEMPT, *large, DONE], id=beside(ended()))
    fed()
    archive()
    ranges = ArchivedRange.objects.filter(job=job.pk).order_by("first")
    assert [one.first for one in ranges] == [1, 21, 39]
    assert len(texts(job.pk)) == 43


def test_a_page_from_an_archive_ends_before_it_is_large(archive_folder: ArchiveFolder) -> None:
    events = [output(f"{number:060000}") for number in range(100)]
    job = make_job(events=[ATTEMPT, *events, DONE], id=beside(ended()))
    stored = texts(job.pk)
    fed()
    archive()
    pages = list(log.read_history(job.pk))
    assert [page.cut for page in pages] == [True, False]
    assert sum(map(len, pages[0].texts)) < PAGE_BYTES + MOST_BYTES
    assert [text for page in pages for text in page.texts] == stored


@pytest.mark.usefixtures("database")
def test_reading_what_is_in_the_table_asks_no_archive() -> None:
    job = make_job(events=[ATTEMPT])
    with _Queries() as queries:
        log.read(job.pk)
        log.check_cursor(job.pk, Cursor(1))
    assert not any("jobs_archive" in one for one in queries.seen)


class _Queries:
    """The statements that run meanwhile."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __enter__(self) -> _Queries:
        self._wrapper = connection.execute_wrapper(self._see)
        self._wrapper.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._wrapper.__exit__(None, None, None)

    def _see(self, execute, statement, *rest):  # type: ignore[no-untyped-def]
        self.seen.append(str(statement))
        return execute(statement, *rest)


def test_unfinished_jobs_and_the_feed_hold_a_month_back(archive_folder: ArchiveFolder) -> None:
    ended(Month(2025, 2))
    job = ended()
    open_job = make_job(events=[ATTEMPT], id=beside(job))

    def reasons() -> list[str]:
        with pytest.raises(CommandError, match=r"Not archived: 2025-02 \(.*\), 2025-03 \("):
            archive(json=True, dry_run=True)
        rows = [json.loads(line) for line in said_json(dry_run=True)]
        assert {row["result"] for row in rows} == {"held_back"}
        return rows[1]["reasons"]  # type: ignore[no-any-return]

    assert any(f"1 unfinished: {open_job.pk}" in one for one in reasons())
    assert any("have no place in the feed yet" in one for one in reasons())
    fed()
    rows = [json.loads(line) for line in said_json()]
    assert [(row["month"], row["result"]) for row in rows] == [
        ("2025-02", "dropped"),
        ("2025-03", "held_back"),
    ]
    assert rows[1]["reasons"] == [f"1 unfinished: {open_job.pk}"]
    assert len(archive_folder.files) == 1
    log.append(open_job.pk, [DONE], actor="worker:test/1")
    fed()
    assert json.loads(archive(json=True))["result"] == "dropped"


def said_json(**options: object) -> list[str]:
    reported = StringIO()
    with pytest.raises(CommandError):
        call_command("archive", before=APRIL, json=True, stdout=reported, **options)
    return reported.getvalue().splitlines()


def test_a_dry_run_and_the_applications_role_change_nothing(
    archive_folder: ArchiveFolder, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    job = ended()
    fed()
    assert "would archive, 6 events" in archive(dry_run=True)
    monkeypatch.delenv("REPRISE_SUPERUSER_DATABASE_URL")
    with pytest.raises(CommandError, match="The role reprise may not drop a month"):
        archive()
    assert archive_folder.files == []
    assert "kept, 6 events" in archive(keep=True)
    assert len(archive_folder.files) == 1
    assert months.month_tables()[MARCH] == State.ATTACHED
    assert "dropped" in archive(owner_url=archive_folder.owner_url)
    assert len(texts(job.pk)) == 6
    with pytest.raises(CommandError, match="yet to come"):
        archive(Month(2100, 1), dry_run=True)
    with Owner(archive_folder.owner_url), pytest.raises(CommandError, match="Another process"):
        archive(owner_url=archive_folder.owner_url)


def test_an_archive_that_is_gone_says_so(archive_folder: ArchiveFolder) -> None:
    job = ended()
    fed()
    archive()
    (archive_folder.folder / archive_folder.files[0]).unlink()
    archive_frames.frame_texts.cache_clear()
    for read in (
        lambda: log.read(job.pk),
        lambda: log.check_cursor(job.pk, Cursor(0)),
        lambda: log.check_cursor(job.pk, Cursor(1, "00000000")),
    ):
        with pytest.raises(HistoryExpired) as expired:
            read()
        assert expired.value.as_problem()["first_available"] is None
    assert log.check_cursor(job.pk, Cursor(job.head)).terminal


def test_a_damaged_frame_is_told_from_a_good_one(archive_folder: ArchiveFolder) -> None:
    job = ended()
    fed()
    archive()
    path = archive_folder.folder / archive_folder.files[0]
    path.write_bytes(path.read_bytes()[:20] + bytes(20) + path.read_bytes()[40:])
    archive_frames.frame_texts.cache_clear()
    with pytest.raises(archive_frames.Damaged):
        log.read(job.pk)
    other = Place("nowhere", 1, 2, 0, 10)
    with pytest.raises(archive_frames.Damaged):
        archive_frames.unpack_frame(other, zstandard.compress(b'{"seq":2,\n'))


def test_a_file_that_is_not_needed_yet_may_be_gone(archive_folder: ArchiveFolder) -> None:
    job = ended()
    fed()
    archive(keep=True)
    (archive_folder.folder / archive_folder.files[0]).unlink()
    assert log.check_cursor(job.pk, Cursor(0)).seq == 6
    assert len(texts(job.pk)) == 6


def test_seals_of_its_jobs_go_beside_a_month(archive_folder: ArchiveFolder) -> None:
    job, other = ended(), make_job(events=[ATTEMPT])
    seal = Seal.objects.create(number=1, at=clock.now(), text='{"seal":1}')
    for one in (job, other):
        digest = bytes(one.head_hash).hex()
        SealedHead.objects.create(seal=seal, job=one.pk, seq=one.head, hash=digest)
    fed()
    archive()
    row = Archive.objects.get()
    assert archive_folder.files == sorted([row.name, row.seals])
    lines = [json.loads(line) for line in plain(archive_folder, row.seals).splitlines()]
    assert lines[0]["text"] == seal.text
    assert {line["job"] for line in lines[1:]} == {str(job.pk), str(other.pk)}


def test_a_job_that_comes_to_a_dropped_month_is_archived_beside_it(
    archive_folder: ArchiveFolder, tmp_path: Path
) -> None:
    first = ended()
    fed()
    archive()
    second = ended(days=12)
    fed()
    archive()
    assert len(archive_folder.files) == 2
    assert [len(texts(job.pk)) for job in (first, second)] == [6, 6]


def test_an_archive_is_a_file_of_exports(
    archive_folder: ArchiveFolder, services: Services, redis: str, tmp_path: Path
) -> None:
    jobs = [ended(days=day, outputs=20) for day in range(1, 4)]
    before = [texts(job.pk) for job in jobs]
    fed()
    archive()
    with other_database(services, redis):
        call_command("import", archive_folder.folder / archive_folder.files[0])
        assert [texts(job.pk) for job in jobs] == before


class ObjectStore(InMemoryStorage):
    """A storage without a folder, which reads parts of its files."""

    ranges: ClassVar[list[tuple[int, int]]] = []

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        self.ranges.append((offset, length))
        with self.open(name, "rb") as file:
            return bytes(file.read())[offset : offset + length]


@pytest.mark.usefixtures("archive_folder")
def test_any_storage_of_djangos_will_do() -> None:
    paths = (f"{InMemoryStorage.__module__}.InMemoryStorage", f"{__name__}.ObjectStore")
    for number, path in enumerate(paths):
        with override_settings(STORAGES={**settings.STORAGES, "archive": {"BACKEND": path}}):
            archive_frames.frame_texts.cache_clear()
            job = ended(MARCH if number else Month(2025, 2), outputs=1500)
            before = texts(job.pk)
            fed()
            archive()
            assert texts(job.pk) == before
            archive_frames.frame_texts.cache_clear()
            assert log.read(job.pk, 1200, 1).texts == [before[1200]]
    [*_whole, last] = ObjectStore.ranges
    [archive_folder] = ArchivedRange.objects.filter(job=job.pk, first=1001)
    assert last == (archive_folder.offset, archive_folder.length)
