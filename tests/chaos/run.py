"""`ops/chaos`, second half: start what is broken, break it, report."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Mapping

from ops.launcher import processes
from ops.launcher.__main__ import guarded
from ops.setup import say
from tests.chaos.drill.run import DRILL
from tests.chaos.failover.run import FAILOVER
from tests.chaos.links.run import LINKS_MODE
from tests.chaos.options import Mode, parse
from tests.chaos.scratch import scratch
from tests.chaos.streams.run import STREAMS
from tests.chaos.updates import HOSTS, JOBS

ABOUT = "Break what everything stands on, as a seed says, and look what came of it."
MODES: Mapping[str, Mode] = {
    "jobs": JOBS, "hosts": HOSTS, "streams": STREAMS, "links": LINKS_MODE, "failover": FAILOVER,
    "drill": DRILL,
}  # fmt: skip


def main() -> int:
    """Do the series that the command line names; return 1 if anything was wrong, else 0."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    options = parse(ABOUT, MODES)
    mode = MODES[options.mode]
    plan = mode.plan(options)
    if options.plan:
        for one in plan:
            say.line(json.dumps(one.as_dict()))
        return 0
    logging.disable(logging.WARNING)
    processes.adopt_orphans()
    try:
        with scratch(options.output) as folder:
            return mode.go(options, folder, plan)
    finally:
        processes.end(processes.descendants(), grace=2.0)


if __name__ == "__main__":
    sys.exit(guarded(main, "chaos"))
