"""What is wrong all the time while runs go on: definitions that fail, standing by.

Settings that they need in all processes are in `ops.faults.ground.SHORT`.
"""

from __future__ import annotations

from ops.faults.rows import Rows


def set_up(rows: Rows) -> None:
    """Put it in place: called once, before the workers start and the first run is submitted."""
