"""`ops/run`: become one process of the Procfile, with the environment's settings.

DATABASE_URL and REDIS_URL name the servers. BIND (127.0.0.1) and PORT (8000) say where web listens.
"""

from __future__ import annotations

import argparse
import os
import sys

from ops.errors import CannotStart
from ops.launcher import procfile
from ops.launcher.__main__ import guarded
from ops.setup.clone import Clone
from ops.setup.venv import environment


def main() -> int:
    """Become the process; CannotStart if nothing is installed yet."""
    clone = Clone.from_env()
    commands = procfile.read(clone.root / "Procfile")
    parser = argparse.ArgumentParser(prog="ops/run", description=__doc__)
    parser.add_argument("name", choices=list(commands))
    name = parser.parse_args(sys.argv[1:]).name
    if not clone.python.exists():
        raise CannotStart("Nothing is installed here yet: ./ops/install")
    env = {**environment(clone), "PYTHONUNBUFFERED": "1", "REPRISE_STATE": str(clone.state)}
    os.chdir(clone.root)
    os.execve("/bin/sh", ["/bin/sh", "-c", f"exec {commands[name]}"], env)  # noqa: S606


if __name__ == "__main__":
    sys.exit(guarded(main, "run"))
