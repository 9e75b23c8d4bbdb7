"""What `jobs.log` promises: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from ops.benches.log.append import appends
from ops.benches.log.dropping import dropping
from ops.benches.log.growth import growth
from ops.benches.log.history import histories
from ops.benches.report import Bar
from ops.benches.stage import Stage

CASES: dict[str, Callable[[Stage, float], list[Bar]]] = {
    "append": appends,
    "history": histories,
    "growth": growth,
    "dropping": dropping,
}
