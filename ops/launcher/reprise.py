"""`ops/reprise`: the Python follower's command, in this clone's environment.

Where a copy runs on the state folder, a job may be named by its id, no token has to be given, and
`check` is about its database, unless DATABASE_URL names another.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from ops.launcher import manage
from ops.launcher.__main__ import guarded
from ops.setup import venv
from ops.setup.clone import Clone

SERVER, TOKEN = "REPRISE_SERVER", "REPRISE_TOKEN"


def main() -> int:
    """Become the command, with what it needs installed."""
    if sys.argv[1:2] == ["check"] and not os.environ.get("DATABASE_URL"):
        return manage.main(["check_runs", *sys.argv[2:]])
    clone = Clone.from_env()
    with redirect_stdout(sys.stderr):  # standard output is for events
        venv.ensure(clone, "client")
    env = {**os.environ, **of_copy(clone.state, sys.argv[1:], os.environ)}
    os.chdir(env.pop("CALLED_FROM", "."))  # files are named from where the user is
    env["PYTHONPATH"] = str(clone.root)
    python = str(clone.python)
    os.execve(python, [python, "-P", "-m", "streams.client", *sys.argv[1:]], env)  # noqa: S606


def of_copy(state: Path, arguments: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the address and the token of the copy that runs on a state folder.

    Nothing if none runs, or where an argument or the environment says what server or token to
    use: the copy's token is never sent anywhere else.
    """
    try:
        ready = json.loads((state / "ready.json").read_text())
        url, token = ready["url"], ready["token"]
    except (OSError, ValueError, KeyError):
        return {}
    named = any("://" in word and not word.startswith(f"{url}/") for word in arguments)
    if named or not token or given.get(SERVER) or given.get(TOKEN):
        return {}
    return {SERVER: url, TOKEN: token}


if __name__ == "__main__":
    sys.exit(guarded(main, "reprise"))
