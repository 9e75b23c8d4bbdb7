"""How soon the job page shows a log and acts, and what it takes: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.page.log import log
from tests.benchmarks.page.slow import slow
from tests.benchmarks.page.tabs import tabs
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

CASES: dict[str, Callable[[Testbed, float], list[Bar]]] = {"log": log, "slow": slow, "tabs": tabs}
