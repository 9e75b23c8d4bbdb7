"""Runs a tool with its output in a log; a failure becomes one line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from ops.errors import CannotStart

GRACE_SECONDS = 5.0
FULL = "No space left on device"


def run(
    what: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command to its end; return its output, also appended to `log`.

    CannotStart when it fails: `what` failed, the output's telling line, the log. When this is
    interrupted the command and its children are ended first.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            output.write(f"$ {' '.join(map(str, command))}\n".encode())
            output.flush()
            code = _wait(_spawn(command, output.fileno(), env, cwd))
        with log.open("rb") as written:
            written.seek(start)
            text = written.read().decode(errors="replace").split("\n", 1)[1]
    except FileNotFoundError as error:
        raise CannotStart(f"{what} failed: {error.filename} is not there.") from error
    if code != 0:
        raise CannotStart(f"{what} failed: {telling_line(text)} (log: {log})")
    return text


def telling_line(output: str) -> str:
    """Return the line of a tool's output that says best why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if FULL in line or "ENOSPC" in line:
            return "no space is left on the disk"
    # npm and pip name the error first and end in advice, a Python traceback the other way round
    pairs = pairwise([*lines, ""])
    lines = [f"{line} {after}".strip() if line.endswith(":") else line for line, after in pairs]
    errors = [line for line in lines if "error" in line.lower() and len(line.split()) > 4]
    if any(line.startswith("Traceback") for line in lines):
        errors.reverse()
    return (errors or lines[-1:] or ["it said nothing"])[0][:300]


def _spawn(
    command: Sequence[str | Path], output: int, env: Mapping[str, str] | None, cwd: Path | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(os.environ if env is None else env),
        cwd=cwd,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and all in its group; by force after a grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
