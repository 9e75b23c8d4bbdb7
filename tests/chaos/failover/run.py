"""`ops/chaos failover`, once the command line is read."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ops.setup import say
from tests.chaos.base_servers import SHORT
from tests.chaos.failover.plan import FAULTS, Planned, draw
from tests.chaos.options import count
from tests.chaos.supervised import Supervisor

RUNS = 20
SETTINGS = {**SHORT, "REPRISE_HEARTBEAT_SECONDS": "3", "REPRISE_ALLOWED_HOSTS": "*"}


class Failover:
    """The subcommand."""

    about = "Postgres fails over to its standby under load, and may forget the end of the log"
    faults = tuple(FAULTS)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be said of this alone."""
        parser.add_argument("--runs", type=count, default=RUNS, help=f"of each kind ({RUNS})")
        parser.add_argument("--followers", type=count, default=12, help="how many (12)")
        parser.add_argument("--jobs", type=count, default=6, help="how many they follow (6)")
        parser.add_argument("--rate", type=float, default=60, help="events a second, of all (60)")

    def plan(self, options: argparse.Namespace) -> Sequence[Planned]:
        """Return the failovers; say how many there are."""
        faults = [fault for fault in FAULTS if not options.only or fault in options.only]
        say.line(f"Seed {options.seed}: {options.runs} failovers of each kind: {', '.join(faults)}")
        return draw(options.seed, options.runs, faults)

    def go(self, options: argparse.Namespace, folder: Path, plan: Sequence[Planned]) -> int:
        """Do them; return 1 if anything was wrong, else 0."""
        supervisor, began = Supervisor(), time.monotonic()
        try:
            # these need psycopg and models, and Django knows its database only once it runs
            pair = import_module("tests.chaos.failover.pair").Pair(folder, supervisor, SETTINGS)
            pair.start()
            series = import_module("tests.chaos.failover.series")
            wanted = series.Wanted(options.followers, options.jobs, options.rate, options.seed)
            found = series.run(pair, plan, wanted)
        finally:
            with say.step("Stopping"):
                supervisor.stop()
        seconds = round(time.monotonic() - began, 1)
        report = [_as_dict(one, wrong) for one, wrong in found]
        holds = len(found) == len(plan) and not any(wrong for _, wrong in found)
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / "failover.json"
        told = {"chaos": "failover", "seed": options.seed, "holds": holds, "seconds": seconds}
        path.write_text(json.dumps({**told, "failovers": report}, indent=2) + "\n")
        say.line(f"written: {path}")
        return 0 if holds else 1


def _as_dict(found: Any, wrong: Sequence[str]) -> dict[str, Any]:
    return {
        **found.planned.as_dict(),
        "events": sum(map(len, found.logs.values())),
        "acknowledged_submits": found.acknowledged,
        "forgotten_submits": found.missing,
        "followers": len(found.followers),
        "told": found.told,
        "forgotten_deliveries": found.forgotten,
        "wrong": list(wrong),
    }


FAILOVER = Failover()
