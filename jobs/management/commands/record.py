"""`manage.py record JOB …`: write records of jobs, and their states, for replay tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from core.files import whole_file
from core.records.options import add_redaction_options, read_redaction
from core.records.redaction import Redaction, RedactionRefused
from core.words import counted
from jobs.events import recording
from jobs.management.base import ServiceCommand, job_argument
from jobs.management.progress import count_events, progress_bar
from jobs.replay.recorder import Recorded, record_job
from jobs.replay.sample import choose_sample, corpus_coverage, finished_jobs


class Command(ServiceCommand):
    help = (
        "Write records of jobs: a header, and the events exactly as stored; with --output the "
        "states that they fold to beside it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which jobs, where to, and what to leave out."""
        add = parser.add_argument
        add("job", nargs="*", type=job_argument, help="the ids of jobs")
        add(
            "--output", type=Path,
            help="NAME.ndjson; NAME.states.ndjson is written beside it. Several jobs: a folder",
        )  # fmt: skip
        add(
            "--sample", type=Path, metavar="FOLDER",
            help="choose from the log a small set of jobs with every structure that the histories "
            "in this folder do not have yet, and write them there",
        )  # fmt: skip
        add(
            "--newest", type=int, default=1000, metavar="N",
            help="how many jobs to look at for --sample, the newest that are over (1000)",
        )  # fmt: skip
        add_redaction_options(parser)

    def handle(
        self, *_: Any, job: list[UUID], output: Path | None, sample: Path | None,
        disclosures: Path | None, newest: int, redact: list[str], redact_texts: Path | None,
        redact_masked: bool, **__: Any,
    ) -> None:  # fmt: skip
        """Write a record of each job; CommandError where it cannot be made."""
        if bool(job) == bool(sample):
            raise CommandError("Name jobs by id, or use --sample.")
        if sample is not None and (output or disclosures or not sample.is_dir()):
            raise CommandError("--sample is a folder, and has neither --output nor --disclosures.")
        if len(job) > 1 and output is not None and not output.is_dir():
            raise CommandError(f"{output} is no folder: several jobs need one.")
        if len(job) > 1 and disclosures is not None:
            raise CommandError("--disclosures is for one job.")
        try:
            redaction = read_redaction(redact, redact_texts, masked=redact_masked)
            if sample is not None:
                self._write_sample(sample, newest, redaction)
                return
            with progress_bar("Recording", count_events(job)) as advance:
                for one in job:
                    made = record_job(one, redaction, advance)
                    self._write_record(one, made, output)
        except (RedactionRefused, OSError) as error:
            raise CommandError(str(error)) from error
        if disclosures is not None:
            _write_lines(disclosures, (one.line() for one in made.disclosures))

    def _write_sample(self, folder: Path, newest: int, redaction: Redaction) -> None:
        covered = corpus_coverage(folder)
        jobs = finished_jobs(newest)
        with progress_bar("Reading", sum(job.head for job in jobs)) as advance:
            chosen = choose_sample(jobs, covered, advance)
        for one in chosen:
            self._write_record(one.job, record_job(one.job, redaction), folder)
            for words in sorted(one.structures):
                self.stdout.write(f"  {words}")
        self.stdout.write(
            f"{counted(len(chosen), 'history', 'histories')} of {counted(len(jobs), 'job')}: the"
            " folder now has every structure that these jobs have."
        )

    def _write_record(self, job: UUID, made: Recorded, output: Path | None) -> None:
        if output is None:
            self.stdout.write("".join(f"{line}\n" for line in made.lines()), ending="")
            return
        path = output / f"{job}.ndjson" if output.is_dir() else output
        states = path.with_suffix(".states.ndjson")
        _write_lines(path, made.lines())
        _write_lines(states, recording.recorded_changes(made.texts))
        self.stdout.write(
            f"{counted(len(made.texts), 'event')} of {job} in {path}, states in {states}"
        )


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file that nobody else can read: it has what a job printed."""
    with whole_file(path) as file:
        file.writelines(f"{line}\n".encode() for line in lines)
