"""`manage.py check_runs [--against PATH]`: which runs would break with this code?"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from django.core.management.base import CommandError, CommandParser

from core.db import read_only_sessions
from core.words import counted
from jobs.events import one_line
from jobs.kinds import registry
from jobs.management.base import ServiceCommand
from jobs.management.progress import progress_bar
from jobs.replay import checking
from jobs.replay.checking import BAD, DIFFERS, FITS, VERDICTS, CheckedRun, Patches

FINISHED = 10
OURS = frozenset({"core", "jobs", "streams", "frontend"})


class Command(ServiceCommand):
    help = (
        "Replay every unfinished run, and the newest finished ones, with the job kinds of this "
        "process: says which runs a worker with this code would leave, and where. Reads only. "
        "Exits with 1 if an unfinished run would break."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which code and which runs."""
        parser.add_argument(
            "--against", type=Path, metavar="PATH",
            help="a folder, or a wheel, whose packages are imported before the installed ones",
        )  # fmt: skip
        parser.add_argument("--kind", action="append", default=[], help="runs of this kind only")
        parser.add_argument(
            "--finished", type=int, default=FINISHED, metavar="N",
            help=f"so many finished runs of each kind, the newest (default: {FINISHED})",
        )  # fmt: skip
        parser.add_argument(
            "--strict", action="store_true", help="exit with 1 also if a run only differs"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self, *_: Any, against: Path | None, kind: list[str], finished: int, strict: bool,
        json: bool, **__: Any,
    ) -> None:  # fmt: skip
        """Check the runs; CommandError, after all of them, if one would break."""
        with read_only_sessions():
            if against is not None:
                import_first(against)
            runs, patches = _check(kind, finished)
        self.stdout.write(_as_json(runs, patches) if json else _as_words(runs, patches))
        bad = BAD | ({DIFFERS} if strict else set())
        if found := sum(run.verdict in bad for run in runs):
            raise CommandError(f"{counted(found, 'run does', 'runs do')} not fit this code.")


def _check(kinds: list[str], most_finished: int) -> tuple[list[CheckedRun], Patches]:
    unfinished = checking.unfinished_runs(kinds)
    ended = checking.finished_runs(kinds, most_finished)
    runs, patches = list[CheckedRun](), Patches()
    with progress_bar("Checking", len(unfinished) + len(ended)) as advance:
        for run in checking.check_runs([*unfinished, *ended]):
            patches.add(run, is_finished=run.job in ended)
            runs.append(run)
            advance(1)
    return runs, patches


def import_first(path: Path) -> None:
    """Have what is in a folder or a wheel imported from there, before job kinds are looked for.

    Raises CommandError if it is neither, or is a Reprise itself.
    """
    if not path.exists():
        raise CommandError(f"There is no {path}.")
    names = {name.removesuffix(".py") for name in _names_in(path)}
    if names & OURS:
        raise CommandError(f"{path} is a Reprise of its own: run its own check_runs.")
    sys.path.insert(0, str(path.resolve()))
    for module in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[module]
    registry.forget_kinds()


def _names_in(path: Path) -> set[str]:
    if path.is_dir():
        return {one.name for one in path.iterdir()}
    try:
        with ZipFile(path) as wheel:
            return {name.partition("/")[0] for name in wheel.namelist()}
    except BadZipFile as error:
        raise CommandError(f"{path} is neither a folder nor a wheel.") from error


def _as_words(runs: list[CheckedRun], patches: Patches) -> str:
    count = Counter(run.verdict for run in runs)
    lines = [
        f"{run.job}  {run.verdict}  {run.kind}, {run.status}\n  " + run.reason.replace("\n", "\n  ")
        for run in runs
        if run.verdict != FITS
    ]
    for name, needed in sorted(patches.needed.items()):
        old = counted(needed, "unfinished run goes", "unfinished runs go")
        lines.append(
            f"patch {name}: {old} the old way." if needed
            else f"patch {name}: no unfinished run goes the old way; its condition can be removed."
        )  # fmt: skip
    others = [f"{count[verdict]} {verdict}" for verdict in VERDICTS if verdict != FITS]
    lines.append(f"{counted(len(runs), 'run')} checked: {count[FITS]} fit, {', '.join(others)}.")
    return "\n".join(lines)


def _as_json(runs: list[CheckedRun], patches: Patches) -> str:
    said = {
        "runs": [run.as_dict() for run in runs],
        "patches": [
            {"name": name, "needed_by": needed} for name, needed in sorted(patches.needed.items())
        ],
    }
    return one_line(json.dumps(said, ensure_ascii=False))
