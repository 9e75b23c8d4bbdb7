"""`ops/bench`: make the environment ready, then become `tests.benchmarks.run` in it."""

from __future__ import annotations

import os
import sys

from ops.launcher.__main__ import guarded
from ops.setup import venv
from ops.setup.clone import Clone


def main() -> int:
    """Hand over; returns only when that fails."""
    clone = Clone.from_env()
    venv.ensure(clone, "dev")
    python = str(clone.python)
    command = [python, "-m", "tests.benchmarks.run", *sys.argv[1:]]
    os.execve(python, command, venv.environment(clone))


if __name__ == "__main__":
    sys.exit(guarded(main, "bench"))
