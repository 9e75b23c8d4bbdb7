"""The Procfile: `name: command` a line, run by a shell with the environment's variables."""

from __future__ import annotations

import re
from pathlib import Path

from ops.errors import CannotStart


def read(path: Path) -> dict[str, str]:
    """Return the commands by name, in the file's order; CannotStart if a line is none."""
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"([A-Za-z0-9_-]+):\s*(\S.*)", line)
        if not found:
            raise CannotStart(f"{path.name}, line {number}: expected `name: command`.")
        commands[found[1]] = found[2].strip()
    return commands
