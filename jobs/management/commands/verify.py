"""`manage.py verify [JOB …] | --all`: is every log what was appended?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from core.errors import NotFound
from core.records.keys import read_public
from jobs.events import one_line
from jobs.integrity import SealVerdict, Verdict, known_jobs, verify_job, verify_seals
from jobs.integrity.seals import SealFailed, key
from jobs.management.base import ServiceCommand, job_argument
from jobs.management.progress import count_events, progress_bar


class Command(ServiceCommand):
    help = (
        "Check that logs are what was appended: the chain of hashes, the job's row, the columns "
        "beside the text, the seals. Lists every bad job and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which jobs to check, and with whose key."""
        which = parser.add_argument_group("which jobs (one of these)")
        which.add_argument("job", nargs="*", type=job_argument, default=[], help="the ids of jobs")
        which.add_argument("--all", action="store_true", help="every job and every seal")
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="PUBLICKEY",
            help="whose seals count: a PEM file or 64 hex digits; may be repeated "
            "(default: the installation's own, where this machine has it)",
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object per job and line"
        )

    def handle(
        self, *_: Any, job: list[UUID], all: bool, key: list[str], json: bool, **__: Any
    ) -> None:
        """Check what was asked for; CommandError, after all of it, where something is bad."""
        if bool(job) == all:
            raise CommandError("Name jobs by id, or use --all.")
        keys = _public_keys(key)
        jobs = known_jobs() if all else iter(job)
        with progress_bar("Verifying", count_events(None if all else job)) as advance:
            bad = self._write_verdicts(_verify_jobs(jobs, advance), "job", all, json)
        if all:
            bad += self._write_verdicts(verify_seals(keys), "seal", all, json)
        if bad:
            raise CommandError(f"Bad: {', '.join(bad)}.")

    def _write_verdicts(
        self, verdicts: Iterable[Verdict | SealVerdict], of: str, all: bool, json: bool
    ) -> list[str]:
        """Print the verdicts, of all jobs the bad ones only; return how many are bad, in words.

        Acknowledged seals are printed as well: nobody vouches for their heads any more.
        """
        checked = bad = acknowledged = 0
        for verdict in verdicts:
            checked, bad = checked + 1, bad + (not verdict.ok)
            known = isinstance(verdict, SealVerdict) and verdict.acknowledged is not None
            acknowledged += known
            if json or not all or not verdict.ok or known:
                self.stdout.write((_as_json if json else _as_words)(verdict))
        if all and not json and not bad:
            but = f", {acknowledged} of them acknowledged" if acknowledged else ""
            self.stdout.write(f"{_count_words(checked, of)} checked, all good{but}.")
        return [f"{bad} of {_count_words(checked, of)}"] if bad else []


def _public_keys(given: list[str]) -> list[str]:
    try:
        if given:
            return [read_public(text) for text in given]
        own = key.known_key()
    except (ValueError, SealFailed) as error:
        raise CommandError(str(error)) from error
    return [own] if own else []


def _verify_jobs(jobs: Iterable[UUID], advance: Callable[[int], None]) -> Iterator[Verdict]:
    for job_id in jobs:
        try:
            yield verify_job(job_id, on_progress=advance)
        except NotFound:
            yield Verdict(job_id, False, reason="There is no such job.")


def _as_words(verdict: Verdict | SealVerdict) -> str:
    if isinstance(verdict, SealVerdict):
        return f"seal {verdict.seal}  {_seal_words(verdict)}"
    if verdict.ok:
        return f"{verdict.job}  ok: {_count_words(verdict.head or 0, 'event')}, hash {verdict.hash}"
    place = f"bad at {verdict.seq}" if verdict.seq else "bad"
    return f"{verdict.job}  {place}: {verdict.reason}"


def _seal_words(verdict: SealVerdict) -> str:
    by = verdict.acknowledged
    if verdict.ok and by is not None and by.acknowledged is not None:
        said = by.acknowledged
        return f"acknowledged by seal {by.number} of {by.at}, {said.by}: {said.reason}"
    return "ok" if verdict.ok else f"bad: {verdict.reason}"


def _as_json(verdict: Verdict | SealVerdict) -> str:
    named = (
        {"seal": verdict.seal} if isinstance(verdict, SealVerdict) else {"job": str(verdict.job)}
    )
    return one_line(json.dumps({**named, **verdict.as_dict()}, ensure_ascii=False))


def _count_words(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"
