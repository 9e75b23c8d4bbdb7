"""Months of ended jobs to archive, and the storage that they go to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import override_settings

from jobs import log
from jobs.archive.stages import ArchiveContext, archive_month
from jobs.events import EventType, NewEvent
from jobs.log import archive_frames
from jobs.log.months import Month, Owner
from jobs.management.progress import progress_bar
from jobs.models import Job, Team
from tests.support.environment import settings_from
from tests.support.factories import ATTEMPT, id_in, make_job, output
from tests.support.feeding import feed_everything
from tests.support.services import Services, with_database

MARCH = Month(2025, 3)
APRIL = Month(2025, 4)
DONE = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
AWKWARD = ("plain", "ä\u2028\u2029\x85 <b>", "\ud800\x00", '"}\n\r{"seq":1', "𝄞" * 50, "")


@dataclass(frozen=True)
class ArchiveFolder:
    """The archive's folder, and the address that may drop a month."""

    folder: Path
    owner_url: str

    @property
    def files(self) -> list[str]:
        """The names of what is in the storage."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    @contextmanager
    def means(self, *, wait: float = 30.0, keep: bool = False) -> Iterator[ArchiveContext]:
        """What archiving is done with."""
        with Owner(self.owner_url) as owner:
            yield ArchiveContext(owner, progress_bar, wait, keep)

    def stages(self, month: Month = MARCH, *, stop_after: str = "") -> list[str]:
        """Archive a month, or die after a stage; return what was done."""
        done = []
        with self.means() as means:
            for stage in archive_month(month, means):
                done.append(stage)
                if stage == stop_after:
                    break
        return done


@contextmanager
def open_archive(services: Services, database: str, folder: Path) -> Iterator[ArchiveFolder]:
    """Put the archive storage on a folder of its own."""
    entry = settings_from({"REPRISE_ARCHIVE": str(folder)}).archive
    owner_url = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with override_settings(STORAGES={**settings.STORAGES, "archive": entry}):
        archive_frames.frame_texts.cache_clear()
        yield ArchiveFolder(folder, owner_url)
    archive_frames.frame_texts.cache_clear()


def archive(before: Month = APRIL, **options: object) -> str:
    """Call the command; return what it says."""
    reported = StringIO()
    call_command("archive", before=before, stdout=reported, **options)
    return reported.getvalue()


def ended(
    month: Month = MARCH,
    outputs: int = 3,
    days: float = 10,
    *,
    owner: User | None = None,
    team: Team | None = None,
) -> Job:
    """Return a job of that month that has ended."""
    first = datetime(month.year, month.number, 1, tzinfo=UTC)
    reported = [output(AWKWARD[number % len(AWKWARD)]) for number in range(outputs)]
    return make_job(owner, [ATTEMPT, *reported, DONE], id=id_in(first, days), team=team)


def fed() -> None:
    """Give every event its place in the feed."""
    feed_everything()


def texts(job: UUID) -> list[str]:
    """Return the texts of a job's events as the log gives them."""
    return [text for page in log.read_history(job) for text in page.texts]


def exported(job: UUID) -> str:
    """Return a job's export."""
    reported = StringIO()
    call_command("export", str(job), stdout=reported)
    return reported.getvalue()
