"""Skips a slow step while the hash of its inputs is unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ops.errors import CannotStart

IGNORED = {"node_modules", "__pycache__", "dist"}


def digest(paths: Iterable[Path], *extra: str) -> str:
    """Return a hash over the contents and names of files, of whole folders, and of words.

    A path that is not there counts as such, so that adding the file changes the hash.
    """
    total = hashlib.sha256("\0".join(extra).encode())
    for path in paths:
        for file in _files(path):
            total.update(f"\0{path.name}\0{file.relative_to(path.parent)}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def read(stamp: Path) -> dict[str, str]:
    """Return what a stamp says, {} if there is none or it is damaged: the step is done again."""
    try:
        value = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write(stamp: Path, **values: str | None) -> None:
    """Record in a stamp what was done; None leaves a value out."""
    kept = {name: value for name, value in values.items() if value is not None}
    try:
        stamp.write_text(json.dumps(kept, indent=2) + "\n")
    except OSError as error:
        raise CannotStart(f"Cannot write {stamp}: {error.strerror}.") from error


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(file for file in found if not IGNORED.intersection(file.relative_to(path).parts))
