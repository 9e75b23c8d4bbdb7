"""`ops/chaos links`, once the command line is read."""

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
from tests.chaos.hosts import Host, wire_up
from tests.chaos.links.cases import Case, batches, draw
from tests.chaos.links.kinds import LINKS, WORDS
from tests.chaos.options import count
from tests.chaos.streams.layout import Layout
from tests.chaos.supervised import Supervisor

AT_ONCE = 70
#: Followers come to many addresses, and more of them at once than of any one user.
SETTINGS = {"REPRISE_ALLOWED_HOSTS": "*", "REPRISE_NEW_FOLLOWERS_PER_SECOND": "5000"}


class Links:
    """The subcommand."""

    about = "Followers over slow links, and links that cut, cap or hold what passes"
    faults = tuple(word for words in WORDS for word in words)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what is to be said of this alone."""
        parser.add_argument(
            "--at-once", type=count, default=AT_ONCE, help=f"cases beside each other ({AT_ONCE})"
        )
        parser.add_argument("--size", type=float, default=1.0, help="of jobs, 1: whole (1)")
        parser.add_argument(
            "--here", action="store_true", help="links are relays on this machine: no root"
        )

    def plan(self, options: argparse.Namespace) -> Sequence[Case]:
        """Return the cases; say how many there are. CannotStart."""
        cases = draw(options.seed, options.only or (), options.size)
        if not cases:
            raise CannotStart(f"There is no such case: {' '.join(options.only)}")
        links = [name for name in LINKS if any(case.link == name for case in cases)]
        say.line(f"Seed {options.seed}: {len(cases)} cases over {', '.join(links)}")
        return cases

    def go(self, options: argparse.Namespace, folder: Path, plan: Sequence[Case]) -> int:
        """Do it; return 1 if anything was wrong, else 0."""
        supervisor, began = Supervisor(), time.monotonic()
        try:
            layout = _layout(options.here)
            base = BaseServers(
                folder, layout.data, supervisor, hints=layout.hints, settings=SETTINGS
            )
            base.start()
            # these are models' users, and Django knows its database only now
            found = self._run(base, layout, plan, options)
            deaths = supervisor.deaths(base.postgres)
        finally:
            with say.step("Stopping"):
                supervisor.stop()
        report = import_module("tests.chaos.links.report")
        judged = import_module("tests.chaos.links.verdict").judge(found)
        told = report.Told(
            options.seed, options.size, not options.here, judged, deaths, time.monotonic() - began
        )
        say.line(f"written: {report.write(told, options.output)}")
        return 0 if told.holds else 1

    def _run(
        self, base: BaseServers, layout: Layout, plan: Sequence[Case], options: argparse.Namespace
    ) -> object:
        lines = import_module("tests.chaos.links.link_sets")
        installation = import_module("tests.chaos.links.installation").Installation(
            base, layout, options.size
        )
        most = max(map(len, batches(plan, options.at_once)))
        cables = partial(lines.VethLinkSet, layout.data, layout.crowd, most)
        laid = lines.RelayLinkSet() if options.here else cables()
        try:
            installation.start()
            running = import_module("tests.chaos.links.case_batches").CaseBatches(
                installation, laid
            )
            return running.run(plan, options.at_once)
        finally:
            installation.stop()
            laid.close()


def _layout(here: bool) -> Layout:
    if here:
        return Layout(Host(), Host(), Host(), [], Host())
    server, crowd = wire_up(["server", "crowd"])
    return Layout(server, server, server, [], crowd)


LINKS_MODE = Links()
