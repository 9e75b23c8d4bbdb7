"""Which version of Reprise this is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


@cache
def running_version() -> str:
    """Return the version of the installed package, or of the clone that this file is in."""
    try:
        return metadata.version("reprise")
    except metadata.PackageNotFoundError:
        return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])
