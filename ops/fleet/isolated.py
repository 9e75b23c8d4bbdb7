"""Runs the demo fleet isolated, as the commands are that change it: `-m ops.fleet.isolated …`.

A command writes the programs that the fleet runs, so these get no more rights than the command. The
arguments are those of `ops.fleet`. Where nothing can be isolated the fleet runs as it is: no
command can write to it then, or all are trusted.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from core.config import Config
from jobs.transports import sandbox
from ops.fleet.__main__ import arguments
from ops.setup.clone import ROOT


def main() -> int:
    """Run the fleet until SIGTERM or SIGINT; return its status."""
    config, command = Config.from_env(), [sys.executable, "-m", "ops.fleet", *sys.argv[1:]]
    isolation = None if config.local == "trusted" else sandbox.find_isolation(config)
    if isolation is None:
        os.execv(sys.executable, command)  # noqa: S606
    folder = arguments().state
    folder.mkdir(parents=True, exist_ok=True)
    if isolation.uid is not None:
        _give_folder(folder, isolation.uid)
    speed = os.environ.get("REPRISE_FLEET_SPEED", "")
    process = isolation.start(config, command, {"REPRISE_FLEET_SPEED": speed}, str(ROOT))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.killpg(process.pid, number))
    return process.wait()


def _give_folder(folder: Path, uid: int) -> None:
    """Give a user the fleet's folder, unless it is theirs, and with it all that they made of it."""
    if folder.stat().st_uid != uid:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(main())
