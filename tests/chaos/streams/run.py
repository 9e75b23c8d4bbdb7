"""`ops/chaos streams`, once the command line is read."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from ops.errors import CannotStart
from ops.setup import say
from tests.chaos.base_servers import BaseServers
from tests.chaos.options import count
from tests.chaos.streams import layout
from tests.chaos.streams.plan import FAULTS, HERE, Planned, draw
from tests.chaos.supervised import Supervisor

#: Followers have to notice within seconds that a host is gone, not within half a minute.
SETTINGS = {"REPRISE_HEARTBEAT_SECONDS": "3", "REPRISE_ALLOWED_HOSTS": "*"}
BOUND_SECONDS = 2.0


class Streams:
    """The subcommand."""

    about = "Followers of jobs that write all the time, on hosts, while what they hang on breaks"
    faults = tuple(FAULTS)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be said of this alone."""
        parser.add_argument("--followers", type=count, default=200, help="how many (200)")
        parser.add_argument("--jobs", type=count, default=50, help="how many they follow (50)")
        parser.add_argument("--rate", type=float, default=500, help="events a second, of all (500)")
        parser.add_argument("--calm", type=float, default=5, help="seconds between faults (5)")
        parser.add_argument("--outage", type=float, default=10, help="seconds that one lasts (10)")
        parser.add_argument(
            "--bound",
            type=float,
            default=BOUND_SECONDS,
            help="how many seconds an event may take while Valkey is away (2)",
        )
        parser.add_argument(
            "--here", action="store_true", help="all on this machine: no cuts, no root"
        )

    def plan(self, options: argparse.Namespace) -> Sequence[Planned]:
        """Return the faults in their order; say how much is going to happen. CannotStart."""
        known = HERE if options.here else FAULTS
        faults = [fault for fault in known if not options.only or fault in options.only]
        if not faults:
            raise CannotStart(f"With --here there is only: {', '.join(known)}")
        say.line(
            f"Seed {options.seed}: {len(faults)} faults, {options.followers} followers"
            f" of {options.jobs} jobs, {options.rate:g} events/s,"
            f" {options.rate * options.followers / options.jobs:,.0f} deliveries/s"
        )
        return draw(options.seed, faults, options.calm, options.outage)

    def go(self, options: argparse.Namespace, folder: Path, plan: Sequence[Planned]) -> int:
        """Do it; return 1 if anything was wrong, else 0."""
        supervisor, began = Supervisor(), time.monotonic()
        try:
            hosts = layout.here() if options.here else layout.apart()
            base = BaseServers(folder, hosts.data, supervisor, hints=hosts.hints, settings=SETTINGS)
            base.start()
            # these are models' users, and Django knows its database only now
            series = import_module("tests.chaos.streams.series")
            judge = partial(import_module("tests.chaos.streams.verdict").of, bound=options.bound)
            wanted = series.Wanted(options.followers, options.jobs, options.rate, options.seed)
            verdict = series.run(base, hosts, plan, wanted, judge)
        finally:
            with say.step("Stopping"):
                supervisor.stop()
        report = import_module("tests.chaos.streams.report")
        told = report.Told(
            wanted, not options.here, verdict, options.bound, time.monotonic() - began
        )
        say.line(f"written: {report.write(told, options.output)}")
        return 0 if verdict.holds else 1


STREAMS = Streams()
