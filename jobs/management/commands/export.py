"""`manage.py export JOB`: one job as NDJSON, a header and its events exactly as stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from core.errors import RepriseError
from core.words import counted
from jobs import log
from jobs.archive import export
from jobs.management.base import ServiceCommand, job_argument
from jobs.management.progress import progress_bar


class Command(ServiceCommand):
    help = "Write one job, its header and its events exactly as stored, for `import` elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=job_argument, help="the job's id")
        parser.add_argument(
            "--output", type=Path, help="a file instead of standard output; NAME.zst is compressed"
        )

    def handle(self, *_: Any, job: UUID, output: Path | None, **__: Any) -> None:
        try:
            if output is None:
                for _count, text in export.export_blocks(job):
                    self.stdout.write(text, ending="")
            else:
                self._write_export(job, output)
        except (RepriseError, OSError) as error:
            raise CommandError(str(error)) from error

    def _write_export(self, job: UUID, output: Path) -> None:
        head = log.read_head(job)
        with progress_bar(f"Exporting {job}", head.seq if head else 0) as advance:
            total = 0
            with export.create_export(output) as file:
                for count, text in export.export_blocks(job):
                    file.write(text.encode())
                    advance(count)
                    total += count
        self.stdout.write(f"{counted(total, 'event')} of {job} in {output}")
