"""`manage.py record JOB`: write a job's history, and the state at every seq, for a replay test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from core.files import whole_file
from core.words import counted
from jobs import log
from jobs.integrity import recording
from jobs.management.base import ServiceCommand, job_argument


class Command(ServiceCommand):
    help = "Write a job's history as NDJSON, exactly as stored; with --output its states beside it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=job_argument, help="the job's id")
        parser.add_argument(
            "--output", type=Path, help="NAME.ndjson; NAME.states.ndjson is written beside it"
        )

    def handle(self, *_: Any, job: UUID, output: Path | None, **__: Any) -> None:
        if log.read_head(job) is None:
            raise CommandError(f"There is no job {job}.")
        texts = [text for page in log.read_history(job) for text in page.texts]
        if output is None:
            self.stdout.write("".join(f"{text}\n" for text in texts), ending="")
            return
        states = output.with_suffix(".states.ndjson")
        _write_lines(output, texts)
        _write_lines(states, recording.recorded_changes(texts))
        self.stdout.write(
            f"{counted(len(texts), 'event')} of {job} in {output}, states in {states}"
        )


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file that nobody else can read: it has what a job printed."""
    with whole_file(path) as file:
        file.writelines(f"{line}\n".encode() for line in lines)
