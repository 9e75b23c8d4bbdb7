"""`manage.py verify [JOB …] | --all`: is every log what was appended?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from core.errors import NotFound
from jobs.integrity import Verdict, known_jobs, verify
from jobs.management.progress import bar
from jobs.models import Job


class Command(BaseCommand):
    help = (
        "Check that logs are what was appended: the chain of hashes, the job's row, the columns "
        "beside the text, the seals. Lists every bad job and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which jobs to check."""
        which = parser.add_argument_group("which jobs (one of these)")
        which.add_argument("job", nargs="*", type=UUID, default=[], help="the ids of jobs")
        which.add_argument("--all", action="store_true", help="every job there is")
        parser.add_argument("--json", action="store_true", help="one JSON object a job and line")

    def handle(
        self,
        *_: Any,
        job: list[UUID],
        all: bool,
        json: bool,
        **__: Any,
    ) -> None:
        """Check what was asked for; CommandError, after all of it, where something is bad."""
        if bool(job) == all:
            raise CommandError("Say which: ids of jobs, or --all.")
        show = _as_json if json else _as_words
        jobs = known_jobs() if all else iter(job)
        checked = bad = 0
        with bar("Verifying", _events(None if all else job)) as advance:
            for verdict in _verdicts(jobs, advance):
                checked, bad = checked + 1, bad + (not verdict.ok)
                if json or not all or not verdict.ok:
                    self.stdout.write(show(verdict))
        if bad:
            raise CommandError(f"{bad} of {_count(checked)} not what was appended.")
        if all and not json:
            self.stdout.write(f"{_count(checked)} checked: all are what was appended.")


def _verdicts(jobs: Iterable[UUID], advance: Callable[[int], None]) -> Iterator[Verdict]:
    for job_id in jobs:
        try:
            yield verify(job_id, on_progress=advance)
        except NotFound:
            yield Verdict(job_id, False, reason="There is no such job.")


def _events(jobs: list[UUID] | None) -> int:
    found = Job.objects.all() if jobs is None else Job.objects.filter(pk__in=jobs)
    return int(found.aggregate(total=Sum("head"))["total"] or 0)


def _as_words(verdict: Verdict) -> str:
    if verdict.ok:
        return f"{verdict.job}  ok: {verdict.head} events, hash {verdict.hash}"
    place = f"bad at {verdict.seq}" if verdict.seq else "bad"
    return f"{verdict.job}  {place}: {verdict.reason}"


def _as_json(verdict: Verdict) -> str:
    return json.dumps({"job": str(verdict.job), **verdict.as_dict()}, ensure_ascii=False)


def _count(jobs: int) -> str:
    return f"{jobs} job" if jobs == 1 else f"{jobs} jobs"
