"""Finds commands that a run left behind, by their environment or command line."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ops.launcher.processes import Process

_JOB = re.compile(rb"REPRISE_JOB=([0-9a-f-]{36})")
SHOWN = 200


def of(jobs: Collection[str]) -> list[str]:
    """Return pid and command line of each live process that works for one of these jobs.

    A command has its job in its environment, the shell that keeps it over ssh in its arguments.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
            reported = _JOB.search(line + b"\0" + (entry / "environ").read_bytes())
        except OSError:  # it has ended, or is somebody else's
            continue
        if reported and reported[1].decode() in jobs and Process.of(int(entry.name)):
            words = line.replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(f"{entry.name}: {words[:SHOWN]}")
    return found
