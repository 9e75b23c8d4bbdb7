"""What `jobs.log` promises: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.log.append import appends
from tests.benchmarks.log.dropping import dropping
from tests.benchmarks.log.growth import growth
from tests.benchmarks.log.history import histories
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

CASES: dict[str, Callable[[Testbed, float], list[Bar]]] = {
    "append": appends,
    "history": histories,
    "growth": growth,
    "dropping": dropping,
}
