"""`ops/bench`, second half: start what is measured, run the chosen cases, report.

Every ratio is taken within one run, ours and the bare thing in turns. The exit status says whether
every promise was kept.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks import report, testbed
from tests.benchmarks.report import Bar

# What each suite needs in the environment, its workers' too.
SUITES: dict[str, dict[str, str]] = {
    "log": {},
    "jobs": {
        "REPRISE_KINDS": "tests.benchmarks.jobs.kinds.NoOp,tests.benchmarks.jobs.kinds.OneStep"
        ",tests.benchmarks.jobs.kinds.Steps"
    },
    "streams": {},
    "page": {},
    "replay": {},
}


def main() -> int:
    """Run the benchmark that the command line names; return 1 if a bar was missed, else 0."""
    options = _parse()
    # Told to end, end what was started as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    logging.disable(logging.WARNING)
    os.environ |= SUITES[options.suite]
    with testbed.prepared(options.scratch) as place:
        cases = import_module(f"tests.benchmarks.{options.suite}")
        chosen = options.only or list(cases.CASES)
        bars: list[Bar] = []
        try:
            for name in chosen:
                print(f"── {name}: {cases.CASES[name].__doc__}", file=sys.stderr)
                found = cases.CASES[name](place, options.scale)
                for bar in found:
                    print(f"   {bar.name}: {bar.figure:.3g} {bar.wanted}".rstrip(), file=sys.stderr)
                bars += found
        finally:  # where a case fails, what the others took half an hour to find is not lost
            if bars:
                paths = report.write(options.suite, bars, options.output)
                print("\n" + "\n".join(f"written: {path}" for path in paths))
    return 0 if all(bar.holds is not False for bar in bars) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/bench", description=__doc__)
    parser.add_argument("suite", choices=list(SUITES), help="what to measure")
    parser.add_argument("--only", action="append", help="a case by name; may be repeated")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="a fraction of the full numbers of events (0.01)"
    )
    parser.add_argument(
        "--output", type=Path, default=Path(".state/bench"), help="folder for the JSON and the plot"
    )
    parser.add_argument("--scratch", type=Path, help="folder on the disk to measure on")
    options = parser.parse_args()
    if not 0 < options.scale <= 1:
        parser.error("--scale is above 0 and at most 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
