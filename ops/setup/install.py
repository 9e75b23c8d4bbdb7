"""`ops/install`: install what a host of the service needs, and start nothing.

For hosts whose service manager keeps the processes (`ops/run`) and whose Postgres and Valkey are
elsewhere. Run again after an update; what is there already is left alone.
"""

from __future__ import annotations

import argparse
import sys

from ops.launcher.__main__ import guarded
from ops.setup import frontend, say, venv
from ops.setup.clone import Clone


def main() -> int:
    """Install; CannotStart, with the reason, where that is impossible."""
    parser = argparse.ArgumentParser(prog="ops/install", description=__doc__)
    parser.add_argument(
        "--without-pages", action="store_true", help="no front end: for hosts with workers only"
    )
    options = parser.parse_args(sys.argv[1:])
    clone = Clone.from_env()
    venv.ensure(clone, "service")
    if not options.without_pages:
        frontend.ensure_built(clone)
    say.line(
        "Installed. Next: ./ops/run web, ./ops/run worker, ./ops/run sweeper, ./ops/run sealer"
    )
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, "install"))
