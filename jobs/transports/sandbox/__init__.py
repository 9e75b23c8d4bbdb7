"""Local commands apart from the service: which isolation this machine has, and what it is given.

`find_isolation` tries what there is, once; `jobs.transports.sandbox.launcher` makes it, a process
of its own for each command.
"""

from __future__ import annotations

from jobs.transports.sandbox.isolation import (
    HINT,
    REFUSED,
    Isolation,
    find_isolation,
    kept_environment,
)

__all__ = ["HINT", "REFUSED", "Isolation", "find_isolation", "kept_environment"]
