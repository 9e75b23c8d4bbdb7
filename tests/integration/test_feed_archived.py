"""The feed goes on having what is in an archive only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from jobs import feed, log
from jobs.feed import FeedEvent, FeedPage, MissingEvents, consumers
from jobs.feed.consumers import Consumer
from jobs.integrity.rebuild import rebuild_job
from jobs.log.state import state_at
from tests.support.archives import ArchiveFolder, archive, ended, fed, open_archive
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import open_intruder
from tests.support.services import Services


@pytest.fixture(autouse=True)
def archive_folder(
    services: Services, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArchiveFolder]:
    with open_archive(services, database, tmp_path / "archive") as made:
        monkeypatch.setenv("REPRISE_SUPERUSER_DATABASE_URL", made.owner_url)
        yield made


@pytest.fixture
def old() -> list[UUID]:
    """Two jobs of March by turns with one of today in the feed; the two are archived."""
    first, today, second = ended(outputs=12), make_job(events=[ATTEMPT]), ended(outputs=5)
    fed()
    log.append(today.pk, [output("since")], actor="w")
    fed()
    return [first.pk, second.pk]


def events_left(jobs: list[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from jobs_event where job = any(%s)", [jobs])
        return int(cursor.fetchone()[0])


def pages() -> list[FeedPage]:
    """Return the feed in ways in which consumers read it."""
    return [
        feed.read_feed(0),
        feed.read_feed(7, 9),
        feed.read_feed(0, types={"job.submitted", "job.succeeded"}),
        feed.read_feed(0, every=4),
    ]


def test_pages_of_the_feed_are_the_same_after_the_month_was_dropped(old: list[UUID]) -> None:
    before = pages()
    assert {event.job for event in before[0].events} >= set(old)
    archive()
    assert events_left(old) == 0
    assert pages() == before


def test_a_consumer_that_starts_over_gets_archived_events_too(old: list[UUID]) -> None:
    archive()
    seen: list[FeedEvent] = []
    while consumers.run_once(Consumer("late", seen.extend, batch=5)):
        pass
    assert seen == feed.read_feed(0).events
    assert len(seen) == feed.feed_end()


def test_the_state_and_a_rebuild_read_archived_events(old: list[UUID]) -> None:
    before = [state_at(job) for job in old]
    archive()
    assert [state_at(job) for job in old] == before
    assert [rebuild_job(job) for job in old] == [[], []]


def test_events_that_are_nowhere_are_missed_loudly(
    old: list[UUID], services: Services, database: str
) -> None:
    with open_intruder(services, database) as intruder:
        intruder.run("delete from jobs_event where job = %s", old[0])
    with pytest.raises(MissingEvents, match=f"events of {old[0]}"):
        feed.read_feed(0)
