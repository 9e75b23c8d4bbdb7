"""Finds processes by their environment variables (proc(5))."""

from __future__ import annotations

from pathlib import Path

from ops.launcher.processes import Process


def with_environment(**wanted: str) -> dict[int, str]:
    """Return pid and command line of every live process whose environment has all of these."""
    pairs = {f"{name}={value}".encode() for name, value in wanted.items()}
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if not pairs <= set((entry / "environ").read_bytes().split(b"\0")):
                continue
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):  # it has ended, or is somebody else's
            continue
        if Process.of(int(entry.name)):
            found[int(entry.name)] = line.strip()
    return found
