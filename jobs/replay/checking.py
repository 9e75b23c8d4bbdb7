"""Which runs would break with the code of this process: before a deploy, with the new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from core.user_code import describe_error
from jobs import log
from jobs.kinds import registry
from jobs.models import Job
from jobs.replay.divergence import Divergence
from jobs.replay.handler import HandlerReplay
from jobs.replay.history import History
from jobs.system_log.stream import KIND as SYSTEM

VERDICTS = FITS, DIFFERS, BREAKS, FAILS, UNREADABLE = (
    "fits", "differs", "breaks", "fails", "unreadable",
)  # fmt: skip
BAD = frozenset({BREAKS, FAILS, UNREADABLE})


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """What today's code makes of a run.

    `verdict`: `fits`; `differs`, where an unfinished run goes on, though what is recorded was asked
    for otherwise, or a finished one would take another way today; `breaks`, where a worker with
    this code leaves an unfinished run; `fails`, where one ends it as failed by an error of its
    own; `unreadable`. `reason` says so in words.
    """

    job: UUID
    kind: str
    status: str
    verdict: str
    reason: str = ""
    divergence: Divergence | None = None
    patches: frozenset[str] = frozenset()  # that the handler asked for
    patches_not_taken: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON."""
        found = self.divergence and asdict(self.divergence)
        return {
            "job": str(self.job), "kind": self.kind, "status": self.status,
            "verdict": self.verdict, "reason": self.reason, "divergence": found,
        }  # fmt: skip


@dataclass(slots=True)
class Patches:
    """The patches that handlers asked for, and how many unfinished runs need the old way."""

    needed: dict[str, int] = field(default_factory=dict)

    def add(self, run: CheckedRun, *, is_finished: bool) -> None:
        """Count what a run says of its handler's patches."""
        for name in run.patches:
            self.needed.setdefault(name, 0)
            self.needed[name] += not is_finished and name in run.patches_not_taken


def unfinished_runs(kinds: Sequence[str]) -> list[UUID]:
    """Return the runs that have not ended, the oldest first; of some kinds, if any are given."""
    found = Job.objects.filter(finished_at=None, head__gt=0).exclude(kind=SYSTEM)
    found = found.filter(kind__in=kinds) if kinds else found
    return list(found.order_by("pk").values_list("pk", flat=True))


def finished_runs(kinds: Sequence[str], most: int) -> list[UUID]:
    """Return the newest runs that have ended, so many of each kind."""
    found = Job.objects.exclude(finished_at=None).exclude(kind=SYSTEM)
    found = found.filter(kind__in=kinds) if kinds else found
    place = Window(RowNumber(), partition_by=F("kind"), order_by=F("pk").desc())
    newest = found.annotate(place=place).filter(place__lte=most)
    return list(newest.order_by("pk").values_list("pk", flat=True))


def check_runs(jobs: Sequence[UUID]) -> Iterator[CheckedRun]:
    """Replay runs with today's handlers and yield what comes of it; nothing is written."""
    for job_id in jobs:
        row = Job.objects.filter(pk=job_id).values_list("kind", "status", "finished_at").first()
        if row is None:
            continue  # archived or removed meanwhile
        kind, status, finished_at = row
        try:
            yield _check_run(job_id, kind, status, is_finished=finished_at is not None)
        except Exception as error:  # noqa: BLE001 - a kind's code; the next run is checked all the same
            yield CheckedRun(job_id, kind, status, UNREADABLE, describe_error(error))


def _check_run(job_id: UUID, name: str, status: str, *, is_finished: bool) -> CheckedRun:
    kind = registry.find_kind(name)
    if kind is None:
        reason = f"The kind {name} is not known."
        return CheckedRun(job_id, name, status, DIFFERS if is_finished else BREAKS, reason)
    texts = tuple(text for page in log.read_history(job_id) for text in page.texts)
    history = History(job_id, name, texts, {})
    replay = HandlerReplay(history, kind, strict=is_finished)
    found, verdict = replay.replay(), DIFFERS
    if not is_finished:
        verdict = BREAKS if replay.is_left else FAILS
        if found is None:
            found, verdict = HandlerReplay(history, kind).replay(), DIFFERS
    return CheckedRun(
        job_id, name, status, verdict if found else FITS, str(found or ""), found,
        replay.patches, replay.patches_not_taken,
    )  # fmt: skip
