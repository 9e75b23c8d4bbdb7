"""How soon a corpus of recorded histories is replayed: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.replay.folds import fold
from tests.benchmarks.replay.handlers import handler
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

CASES: dict[str, Callable[[Testbed, float], list[Bar]]] = {"fold": fold, "handler": handler}
