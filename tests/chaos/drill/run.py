"""`ops/chaos drill`, once the command line is read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ops.setup import say
from tests.chaos.base_servers import SHORT, BaseServers
from tests.chaos.hosts import Host
from tests.chaos.options import count
from tests.chaos.supervised import Supervisor

EVENTS, MINUTES = 20_000, 0.5
SETTINGS = {**SHORT, "REPRISE_ALLOWED_HOSTS": "*"}


@dataclass(frozen=True, slots=True)
class Planned:
    """The one disaster that there is."""

    fault: str
    events: int
    minutes: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return asdict(self)


class DrillMode:
    """The subcommand."""

    about = "A backup, more jobs, the loss of Postgres, and a restore to a second, timed"
    faults = ("disaster",)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be said of this alone."""
        parser.add_argument(
            "--events", type=count, default=EVENTS, help=f"before the backup ({EVENTS})"
        )
        parser.add_argument(
            "--minutes", type=float, default=MINUTES, help=f"of jobs after it ({MINUTES})"
        )

    def plan(self, options: argparse.Namespace) -> Sequence[Planned]:
        """Return what is going to happen."""
        say.line(
            f"{options.events:,} events, a backup, {options.minutes:g} min of jobs, a disaster"
        )
        return [Planned("disaster", options.events, options.minutes)]

    def go(self, options: argparse.Namespace, folder: Path, plan: Sequence[Planned]) -> int:
        """Do it; return 1 if anything was wrong, else 0."""
        supervisor, [planned] = Supervisor(), plan
        try:
            base = BaseServers(folder, Host(), supervisor, settings=SETTINGS)
            base.start()
            # its modules are models' users, and Django knows its database only now
            course = import_module("tests.chaos.drill.course")
            drilled = course.run(base, planned.events, planned.minutes)
        finally:
            with say.step("Stopping"):
                supervisor.stop()
        for line in _as_words(drilled):
            say.line(line)
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / "drill.json"
        told = {"chaos": "drill", "holds": not drilled.wrong, **planned.as_dict()}
        path.write_text(json.dumps({**told, **asdict(drilled)}, indent=2) + "\n")
        say.line(f"written: {path}")
        return 1 if drilled.wrong else 0


def _as_words(drilled: Any) -> list[str]:
    verified, cursors = drilled.restored["verified"], drilled.cursors
    return [
        ", ".join(f"{name} {seconds} s" for name, seconds in drilled.seconds.items()),
        "restore: " + ", ".join(f"{k} {v} s" for k, v in drilled.restored["seconds"].items()),
        f"verified: {verified['jobs']} jobs, {verified['events']:,} events, {verified['seals']} "
        f"seals, {verified['bad_count']} bad",
        f"cursors: {cursors['on']} from before, {cursors['told']} of lost events refused",
        *drilled.wrong,
    ]


DRILL = DrillMode()
