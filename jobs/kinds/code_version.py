"""Which code a kind is: what it says itself, or else a hash of the package that it comes from."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

from jobs.kinds.kind import AnyKind

HASH_DIGITS = 12
LONGEST = 100


def version_of(kind: AnyKind) -> str:
    """Return the version of a kind's code: `Kind.version`, or a hash of its package's sources."""
    return kind.version[:LONGEST] or _hash_sources(type(kind).__module__)


@cache
def _hash_sources(module: str) -> str:
    """Hash the Python files of a module's top package, or its own file; "" if there are none.

    The whole package, as a handler may use all of it: a change elsewhere costs one attempt more.
    """
    top = sys.modules[module.partition(".")[0]]
    folders = [Path(folder) for folder in getattr(top, "__path__", ())]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    own = getattr(sys.modules[module], "__file__", None)
    digest = hashlib.sha256()
    for path in sorted(files) or ([Path(own)] if own else []):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:HASH_DIGITS]
