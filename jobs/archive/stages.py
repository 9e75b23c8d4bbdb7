"""Archiving a month from its first byte to its last: write, check, detach, count again, drop.

Each stage leaves the database and the storage so that the next call goes on there, whatever ended
this one. Nothing is dropped that has not been read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from core import clock
from core.errors import NotNow
from core.words import counted
from jobs.archive.verify import Unlike, check_archive
from jobs.archive.write import write_month
from jobs.events.fold import TERMINAL
from jobs.log import months
from jobs.log.archive_frames import Damaged, archive_storage
from jobs.log.months import Month, Owner, State
from jobs.models import Archive, Job
from jobs.system_log.stream import record_upkeep

Bar = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
NAMED = 5  # of the jobs that hold a month back, so many are named


@dataclass(frozen=True, slots=True)
class ArchiveContext:
    """What archiving is done with: the owner's connection, how long to wait, a progress bar."""

    owner: Owner
    bar: Bar
    wait_seconds: float = 60.0
    keep: bool = False


def candidate_months(before: Month, *, system: bool = False) -> list[Month]:
    """Return the months before `before` that have a table, or whose end was not recorded.

    Those of jobs, or with `system` those of the system's own log. Raises NotNow if a month that is
    not over, or that REPRISE_SYSTEM_LOG_MONTHS keeps, would be among them.
    """
    if before > Month.of(clock.now()):
        raise NotNow(f"{before} is yet to come: only months that are over are archived.")
    if system:
        _require_old(before)
        before = before.of_system
    begun = {Month.of_day(one.month) for one in Archive.objects.filter(dropped_at=None)}
    known = begun | set(months.month_tables())
    return sorted(month for month in known if month < before and month.is_system == system)


def _require_old(before: Month) -> None:
    """Raise NotNow unless the system's own log may go as far as the month before this one."""
    kept = settings.REPRISE.system_log_months
    if not kept:
        raise NotNow(
            "The system's own log stays in the database for ever. Set REPRISE_SYSTEM_LOG_MONTHS to "
            "how many months of it stay."
        )
    if before > (first := Month.of(clock.now()).earlier(kept)):
        raise NotNow(f"REPRISE_SYSTEM_LOG_MONTHS={kept} keeps the system's log from {first} on.")


def held_back(month: Month) -> list[str]:
    """Return, in words, what keeps a month from being archived; [] where nothing does."""
    low, high = month.bounds
    running = Job.objects.filter(pk__gte=low, pk__lt=high).exclude(status__in=TERMINAL)
    reasons = []
    if count := running.count():
        some = ", ".join(str(job.pk) for job in running.order_by("pk")[:NAMED])
        reasons.append(f"{count} unfinished: {some}{', …' if count > NAMED else ''}")
    if unfed := months.count_unfed(month):
        have = "has" if unfed == 1 else "have"
        reasons.append(
            f"{counted(unfed, 'event')} {have} no place in the feed yet: does a sweeper run?"
        )
    return reasons


def archive_month(month: Month, means: ArchiveContext) -> Iterator[str]:
    """Archive a month; yield each stage's name when it is done. An empty one needs no file.

    `written`, `checked`, `detached`, `dropped`; some are passed over where an earlier call came so
    far, and with `keep` it ends after `checked`. Must not be held back. Raises NotNow where open
    transactions outlast the wait; Unfit, Unlike, Damaged if something does not fit, in which
    case the month stays, or is put back.
    """
    state = months.month_tables().get(month)
    archive = Archive.objects.filter(month=month.first, dropped_at=None).first()
    if state is None:
        yield from _record_drop(archive)
        return
    if state == State.ATTACHED:
        archive = archive and _if_good(archive, means)
        if archive is None and (events := months.count_events(month)):
            with means.bar(f"Writing {month}", events) as advance:
                archive = write_month(month, advance)
            yield "written"
            _check_archive(archive, means)
        yield "checked"
        if months.count_events(month) != _event_count(archive):
            raise Unlike(f"The archive of {month} does not have what came since: call again")
    elif archive is not None:
        _check_detached(archive, month, means)
    if not means.keep:
        yield from _let_go(archive, month, means)


def _let_go(archive: Archive | None, month: Month, means: ArchiveContext) -> Iterator[str]:
    """Detach and drop a month; `archive` has all of it, and is None if it was empty."""
    means.owner.detach(month, _give_up_after(means))
    yield "detached"
    # Whatever was on its way when the month was counted has come by now, or never can.
    if means.owner.count(month) != _event_count(archive):
        means.owner.attach(month)
        raise Unlike(f"{month} has other events than its archive: it is back, call again")
    means.owner.drop(month, _give_up_after(means))
    yield from _record_drop(archive)


def _event_count(archive: Archive | None) -> int:
    return archive.events if archive else 0


def _record_drop(archive: Archive | None) -> Iterator[str]:
    if archive is not None:
        archive.dropped_at = clock.now()
        with transaction.atomic():
            archive.save(update_fields=["dropped_at"])
            record_upkeep("archive", f"Dropped what {archive.name} has from the database")
    yield "dropped"


def _check_archive(archive: Archive, means: ArchiveContext) -> None:
    with means.bar(f"Checking {archive.name}", archive.events) as advance:
        check_archive(archive, advance)


def _check_detached(archive: Archive, month: Month, means: ArchiveContext) -> None:
    try:
        _check_archive(archive, means)
    except (Unlike, Damaged):
        means.owner.detach(month, _give_up_after(means))
        means.owner.attach(month)
        raise


def _if_good(archive: Archive, means: ArchiveContext) -> Archive | None:
    """Return an archive of an earlier call; remove it, and return None, where it does not fit."""
    try:
        _check_archive(archive, means)
        return archive
    except (Unlike, Damaged):
        names = [name for name in (archive.name, archive.seals) if name]
        archive.delete()
        for name in names:
            archive_storage().delete(name)
        return None


def _give_up_after(means: ArchiveContext) -> Callable[[], bool]:
    give_up = time.monotonic() + means.wait_seconds
    return lambda: time.monotonic() < give_up
