"""`manage.py rebuild [JOB …] | --all`: are rows and snapshots what the logs fold to?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from core.errors import NotFound
from jobs.events import one_line
from jobs.integrity.projections import show_value
from jobs.integrity.rebuild import CannotFold, Difference, rebuild_job
from jobs.management.base import ServiceCommand, job_argument
from jobs.management.progress import count_events, progress_bar
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Result:
    """What one job's rebuild found; `trouble` where its log could not be folded."""

    job: UUID
    differences: list[Difference] = field(default_factory=list)
    trouble: str | None = None


class Command(ServiceCommand):
    help = (
        "Fold logs from zero and compare with the jobs' rows and snapshots. Lists every difference "
        "and then exits with 1; with --write it puts them right instead."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", nargs="*", type=job_argument, default=[], help="the ids of jobs")
        parser.add_argument("--all", action="store_true", help="every job")
        parser.add_argument("--write", action="store_true", help="write what the log folds to")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object per job and line"
        )

    def handle(
        self, *_: Any, job: list[UUID], all: bool, write: bool, json: bool, **__: Any
    ) -> None:
        if bool(job) == all:
            raise CommandError("Name jobs by id, or use --all.")
        every = Job.objects.order_by("pk").values_list("pk", flat=True)
        jobs = every.iterator() if all else iter(job)
        checked = differ = lost = 0
        with progress_bar("Rebuilding", count_events(None if all else job)) as advance:
            for result in _rebuild_jobs(jobs, write, advance):
                checked += 1
                differ += bool(result.differences)
                lost += result.trouble is not None
                self._write_result(result, json)
        if lost:
            raise CommandError(f"{lost} of {_job_count(checked)} not folded, and left as they are.")
        if differ and not write:
            raise CommandError(
                f"{differ} of {_job_count(checked)} differ: --write puts them right."
            )
        if not json:
            self.stdout.write(f"{_job_count(checked)} folded, {differ or 'none'} differed.")

    def _write_result(self, result: Result, as_json: bool) -> None:
        if as_json:
            said = json.dumps(asdict(result), default=str, ensure_ascii=False)
            self.stdout.write(one_line(said))
            return
        if result.trouble:
            self.stdout.write(f"{result.job}  {result.trouble}")
        for one in result.differences:
            self.stdout.write(
                f"{result.job}  {one.place}: {show_value(one.kept)}, "
                f"folds to {show_value(one.folded)}"
            )


def _rebuild_jobs(
    jobs: Iterator[UUID], write: bool, advance: Callable[[int], None]
) -> Iterator[Result]:
    for job_id in jobs:
        try:
            yield Result(job_id, rebuild_job(job_id, write=write, on_progress=advance))
        except (NotFound, CannotFold) as error:
            yield Result(job_id, trouble=error.message)


def _job_count(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
