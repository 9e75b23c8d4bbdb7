"""`manage.py import FILE…`: take exported jobs in, every event byte for byte as it was."""  # noqa: N999 - the command is called that

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import RepriseError
from core.words import counted
from jobs.archive import import_
from jobs.management.base import ServiceCommand
from jobs.management.progress import progress_bar


class Command(ServiceCommand):
    help = (
        "Store exported jobs exactly as they are. Everything is checked first: a file with one bad "
        "line changes nothing. A job that is here already with the same history is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", type=Path, metavar="FILE", help="what `export` wrote, or an archive"
        )
        parser.add_argument(
            "--unfinished",
            action="store_true",
            help="take in jobs that have not ended: they go on here, so end them elsewhere first",
        )

    def handle(self, *_: Any, files: list[Path], unfinished: bool, **__: Any) -> None:
        plans = [(path, *self._check_path(path, unfinished)) for path in files]
        for path, found, new in plans:
            total = sum(one.header.head for one in found)
            with (
                _naming_file(path),
                progress_bar(f"Storing {path.name}", total if new else 0) as advance,
            ):
                if new:
                    import_.store_jobs(path, new, advance)
            events = sum(one.header.head for one in new)
            said = f"{path}: {counted(len(new), 'job')} with {counted(events, 'event')}"
            same = len(found) - len(new)
            self.stdout.write(f"{said}, {same} here already" if same else said)

    def _check_path(
        self, path: Path, unfinished: bool
    ) -> tuple[list[import_.Found], list[import_.Found]]:
        with _naming_file(path), progress_bar(f"Checking {path.name}", None) as advance:
            found = import_.check_file(path, advance)
            return found, import_.new_jobs(found, unfinished=unfinished)


@contextmanager
def _naming_file(path: Path) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except (RepriseError, OSError) as error:
        raise CommandError(f"{path}: {error}") from error
