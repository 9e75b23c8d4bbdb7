"""`ops/chaos`, second half: start what is broken, do the runs, report.

`jobs`: runs on this machine, everything on loopback. `hosts`: the same on hosts that are network
namespaces (as root), whose cables are pulled. The same seed gives the same plan. The exit status
says whether everything held.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from ops.faults import plan
from ops.faults.ground import Ground
from ops.faults.hosts import Host, Layout, wire_up
from ops.faults.kept import Keep
from ops.faults.plan import EVERYWHERE, SitePlan
from ops.launcher import processes
from ops.launcher.__main__ import guarded
from ops.setup import say

SERVERS = 3
SEEDS = 1_000_000
OUTPUT = Path(".state/chaos")

Wire = Callable[[Sequence[SitePlan]], Layout]


@dataclass(frozen=True, slots=True)
class Mode:
    """A subcommand: its sites, the order in which they come, how many runs, what is where."""

    sites: Sequence[SitePlan]
    turns: Sequence[int]
    runs: int
    wire: Wire

    @property
    def faults(self) -> list[str]:
        """The names of all that may break."""
        return list(dict.fromkeys(name for site in self.sites for name in site.faults))

    def only(self, faults: Sequence[str]) -> Mode:
        """Return the same with these faults alone, and the sites that they come to."""
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
MODES = {
    "jobs": Mode((LOCAL, SSH, LOCAL, LOCAL, SSH, LOCAL), range(6), 200, here),
    # Runs in which nothing is broken go on beside those that are taken from one host by the other.
    "hosts": Mode((CUT, WHOLE, WHOLE), (0, 1, 2, 1, 2, 1, 2), 42, apart),
}


def main() -> int:
    """Do the series that the command line names; return 1 if anything was wrong, else 0."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    options = _parse()
    mode = MODES[options.mode]
    mode = mode.only(options.only) if options.only else mode
    planned = plan.draw(options.seed, options.runs or mode.runs, mode.sites, mode.turns, SERVERS)
    count = len(mode.sites)
    say.line(f"Seed {options.seed}: {len(planned)} runs on {count} sites of {SERVERS} servers")
    if options.plan:
        for one in planned:
            say.line(json.dumps(one.as_dict()))
        return 0
    logging.disable(logging.WARNING)
    processes.adopt_orphans()
    try:
        with _scratch(options.output) as folder:
            return _go(options, folder, mode.wire(mode.sites), planned)
    finally:
        processes.end(processes.descendants(), grace=2.0)


def _go(
    options: argparse.Namespace, folder: Path, layout: Layout, planned: Sequence[plan.Planned]
) -> int:
    keep, began = Keep(), time.monotonic()
    try:
        ground = Ground(folder, layout.data, keep)
        ground.start()
        # these are models' users, and Django knows its database only now
        done = import_module("ops.faults.series").run(ground, layout, planned)
    finally:
        with say.step("Stopping"):
            keep.stop()
    report, seconds = import_module("ops.faults.report"), time.monotonic() - began
    told = report.Told(
        options.mode,
        options.seed,
        planned,
        done.outcomes,
        done.whole,
        done.disks,
        seconds,
        keep=options.keep,
    )
    for path in report.write(told, options.output):
        say.line(f"written: {path}")
    return 0 if told.holds else 1


@contextmanager
def _scratch(output: Path) -> Iterator[Path]:
    """Make a folder for everything; its logs are kept where the series ends otherwise than well."""
    folder = Path(tempfile.mkdtemp(prefix="reprise-chaos-"))
    folder.chmod(0o711)  # so that the servers' user reaches its data
    try:
        yield folder
    finally:
        _keep_logs(folder, output / "log")
        shutil.rmtree(folder, ignore_errors=True)


def _keep_logs(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for log in folder.rglob("*.log"):
        shutil.copyfile(log, to / "-".join(log.relative_to(folder).parts))


def _both(names: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
    return tuple(name for name in names if name in wanted)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ops/chaos",
        description=__doc__,
        epilog=" ".join(
            f"Faults of {name}: {', '.join(one.faults)}." for name, one in MODES.items()
        ),
    )
    parser.add_argument("mode", choices=list(MODES), help="what is broken")
    parser.add_argument("--runs", type=int, help="how many (jobs: 200, hosts: 42)")
    parser.add_argument("--seed", type=int, help="what the plan is drawn from (by chance)")
    parser.add_argument("--only", action="append", metavar="FAULT", help="may be repeated")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder ({OUTPUT})")
    parser.add_argument("--keep", action="store_true", help="keep the logs of good runs too")
    parser.add_argument("--plan", action="store_true", help="only print the plan")
    options = parser.parse_args()
    options.seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    for fault in options.only or []:
        if fault not in MODES[options.mode].faults:
            parser.error(f"{fault} is no fault of {options.mode}")
    if options.runs is not None and options.runs < 1:
        parser.error("--runs is at least 1")
    return options


if __name__ == "__main__":
    sys.exit(guarded(main, "chaos"))
