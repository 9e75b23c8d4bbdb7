"""`ops/chaos jobs` and `ops/chaos hosts`, once the command line is read: version updates."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from ops.setup import say
from tests.chaos.base_servers import SHORT, BaseServers
from tests.chaos.hosts import Host, Layout, wire_up
from tests.chaos.options import count
from tests.chaos.plan import EVERYWHERE, Planned, SitePlan, draw, with_faulty
from tests.chaos.supervised import Supervisor

SERVERS = 3

BYSTANDERS = {
    "REPRISE_KINDS": f"{SHORT['REPRISE_KINDS']},tests.chaos.failing_extensions.Quitter",
    "REPRISE_CONSUMERS": "tests.chaos.failing_extensions.CONSUMER",
}

Wire = Callable[[Sequence[SitePlan]], Layout]


@dataclass(frozen=True, slots=True)
class Updates:
    """A subcommand: its sites, the order in which they come, how many runs, what is where."""

    sites: Sequence[SitePlan]
    turns: Sequence[int]
    runs: int
    wire: Wire
    about: str
    faulty: int = 0  # each so-manieth run is of a kind that misbehaves

    @property
    def faults(self) -> list[str]:
        """The names of all that may break."""
        return list(dict.fromkeys(name for site in self.sites for name in site.faults))

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be said of these alone."""
        parser.add_argument("--runs", type=count, default=self.runs, help=f"how many ({self.runs})")
        reported = f"each so-manieth run of a kind that misbehaves; 0: none ({self.faulty})"
        parser.add_argument("--faulty", type=int, default=self.faulty, help=reported)
        parser.add_argument("--keep", action="store_true", help="keep the logs of good runs too")
        alone = "without a bad schedule and a bad consumer standing by, to compare"
        parser.add_argument("--alone", action="store_true", help=alone)

    def plan(self, options: argparse.Namespace) -> Sequence[Planned]:
        """Return the runs, and what breaks in them; say how many there are."""
        only = self.only(options.only)
        sites = f"{len(only.sites)} sites of {SERVERS} servers"
        say.line(f"Seed {options.seed}: {options.runs} runs on {sites}")
        planned = draw(options.seed, options.runs, only.sites, only.turns, SERVERS)
        return with_faulty(planned, options.faulty)

    def go(self, options: argparse.Namespace, folder: Path, plan: Sequence[Planned]) -> int:
        """Do the runs; return 1 if anything was wrong, else 0."""
        only, supervisor, began = self.only(options.only), Supervisor(), time.monotonic()
        try:
            layout = only.wire(only.sites)
            settings = SHORT if options.alone else {**SHORT, **BYSTANDERS}
            base = BaseServers(folder, layout.data, supervisor, settings=settings)
            base.start()
            # these are models' users, and Django knows its database only now
            done = import_module("tests.chaos.series").run(base, layout, plan)
        finally:
            with say.step("Stopping"):
                supervisor.stop()
        report, seconds = import_module("tests.chaos.report"), time.monotonic() - began
        told = report.Told(
            options.mode,
            options.seed,
            plan,
            done.outcomes,
            done.whole,
            done.disks,
            seconds,
            keep=options.keep,
        )
        for path in report.write(told, options.output):
            say.line(f"written: {path}")
        return 0 if told.holds else 1

    def only(self, faults: Sequence[str] | None) -> Updates:
        """Return the same with these faults alone, if any, and the sites that they come to."""
        if not faults:
            return self
        left = [replace(site, faults=_both(site.faults, faults)) for site in self.sites]
        sites = [site for site in left if site.faults]
        return replace(self, sites=sites, turns=range(len(sites)))


def here(sites: Sequence[SitePlan]) -> Layout:
    """Return three workers and all sites on this machine."""
    return Layout(Host(), [Host()] * 3, [(Host(), site.transport) for site in sites], SERVERS)


def apart(sites: Sequence[SitePlan]) -> Layout:
    """Return hosts of their own for the data, for two pairs of workers, and for each site."""
    names = [f"t{number}" for number, _ in enumerate(sites, 1)]
    data, one, two, *targets = wire_up(["data", "a", "b", *names])
    transports = [site.transport for site in sites]
    return Layout(data, [one, two, one, two], list(zip(targets, transports, strict=True)), SERVERS)


LOCAL, SSH = SitePlan("local", EVERYWHERE), SitePlan("ssh", (*EVERYWHERE, "ssh-cut", "ssh-cut"))
CUT, WHOLE = SitePlan("ssh", ("host-cut", "host-alone")), SitePlan("ssh", ("nothing",))
JOBS = Updates(
    (LOCAL, SSH, LOCAL, LOCAL, SSH, LOCAL), range(6), 200, here,
    "Version updates while what they stand on breaks",
    faulty=10,
)  # fmt: skip
# Runs in which nothing is broken go on beside those that are taken from one host by the other.
HOSTS = Updates(
    (CUT, WHOLE, WHOLE), (0, 1, 2, 1, 2, 1, 2), 42, apart,
    "Version updates on hosts that are cut off the network",
)  # fmt: skip


def _both(names: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
    return tuple(name for name in names if name in wanted)
