"""A small set of jobs that has every structure the log has, and a corpus does not have yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from jobs import log
from jobs.events.fold import TERMINAL
from jobs.models import Job
from jobs.replay.coverage import Coverage, coverage_of
from jobs.replay.history import load_history
from jobs.system_log.stream import KIND

STATES = ".states.ndjson"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A job of the sample, and which structures nothing before it in the sample has."""

    job: UUID
    kind: str
    head: int
    structures: frozenset[str]


def history_files(folder: Path) -> list[Path]:
    """Return the files of a corpus that are histories, by name; the states are beside them."""
    return sorted(path for path in folder.glob("*.ndjson") if not path.name.endswith(STATES))


def corpus_coverage(folder: Path) -> frozenset[str]:
    """Return what a corpus covers. Raises HistoryInvalid for a file that is no history."""
    found = (coverage_of(load_history(path).texts) for path in history_files(folder))
    return frozenset().union(*found)


def finished_jobs(most: int) -> list[Job]:
    """Return the newest jobs that are over, at most so many."""
    over = Job.objects.filter(status__in=TERMINAL, head__gt=0).exclude(kind=KIND)
    return list(over.only("id", "kind", "head").order_by("-pk")[:most])


def choose_sample(
    jobs: Iterable[Job],
    covered: frozenset[str],
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[Chosen]:
    """Return a small set of these jobs with all their structures that are not `covered`.

    Each log is read once, a page at a time; what is kept of it is its structures. `on_progress`
    gets the events of each page.
    """
    candidates, known = list[Chosen](), covered
    for job in jobs:
        found = _read_coverage(job, on_progress)
        if found - known:
            candidates.append(Chosen(job.pk, job.kind, job.head, found - covered))
            known |= found
    return _leave_out_redundant(candidates)


def _read_coverage(job: Job, on_progress: Callable[[int], None]) -> frozenset[str]:
    coverage = Coverage()
    for page in log.read_history(job.pk):
        coverage.add(page.texts)
        on_progress(len(page))
    return coverage.end()


def _leave_out_redundant(candidates: list[Chosen]) -> list[Chosen]:
    """Return the candidates without those, the longest first, whose structures others have."""
    kept = sorted(candidates, key=lambda one: one.head)
    for one in reversed(list(kept)):
        others = [other.structures for other in kept if other is not one]
        if one.structures <= frozenset().union(*others):
            kept.remove(one)
    return list(_own_structures(kept))


def _own_structures(kept: Iterable[Chosen]) -> Iterable[Chosen]:
    said: frozenset[str] = frozenset()
    for one in kept:
        yield Chosen(one.job, one.kind, one.head, one.structures - said)
        said |= one.structures
