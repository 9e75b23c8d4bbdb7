"""`ops/manage`: Django's command line with the addresses of a running copy.

Files are named from where the user is, not from the clone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from ops.errors import CannotStart
from ops.launcher.__main__ import guarded
from ops.setup.clone import Clone
from ops.setup.venv import environment

ADDRESSES = {
    "database_url": "DATABASE_URL",
    "superuser_database_url": "REPRISE_SUPERUSER_DATABASE_URL",  # for what drops tables: archive
    "redis_url": "REDIS_URL",
}


def main(words: Sequence[str] | None = None) -> int:
    """Become manage.py with these words, or the command line's; CannotStart if no copy runs."""
    clone = Clone.from_env()
    try:
        ready = json.loads((clone.state / "ready.json").read_text())
    except (OSError, ValueError) as error:
        raise CannotStart(f"Nothing runs on {clone.state}: start it with ./ops/up") from error
    addresses = {variable: ready[name] for name, variable in ADDRESSES.items()}
    env = {**environment(clone), **addresses, "REPRISE_STATE": str(clone.state)}
    python, script = str(clone.python), str(clone.root / "manage.py")
    os.chdir(env.pop("CALLED_FROM", "."))
    os.execve(python, [python, script, *(sys.argv[1:] if words is None else words)], env)  # noqa: S606


if __name__ == "__main__":
    sys.exit(guarded(main))
