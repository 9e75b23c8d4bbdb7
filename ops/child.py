"""Child processes: started with a log and a session of their own, stopped with grace.

Standard library only: `ops/up` imports this before anything is installed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.embedded import tether
from ops.embedded.account import Account

STOP_SECONDS = 30.0


def tethered(
    command: Sequence[str],
    death_signal: int,
    *,
    account: Account | None = None,
    parent: int | None = None,
) -> list[str]:
    """Return the command wrapped by `tether.py`, with the signal that its parent's death sends."""
    options = ["--signal", str(int(death_signal))]
    if parent is not None:
        options += ["--parent", str(parent)]
    if account is not None:
        options += ["--user", f"{account.uid}:{account.gid}"]
    return [sys.executable, "-I", "-S", tether.__file__, *options, "--", *command]


def spawn(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    append: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `log`; no Ctrl-C in a terminal reaches it."""
    with log.open("ab" if append else "wb") as output:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )


def stop(
    process: subprocess.Popen[bytes],
    seconds: float = STOP_SECONDS,
    *,
    stop_signal: int = signal.SIGTERM,
) -> int:
    """Stop a process, by force after so many seconds; return its status. It may have ended."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
