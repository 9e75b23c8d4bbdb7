"""What delivery costs and how soon it comes: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.report import Bar
from tests.benchmarks.streams.burst import burst
from tests.benchmarks.streams.compressed import compressed
from tests.benchmarks.streams.exports import exports
from tests.benchmarks.streams.memory import memory
from tests.benchmarks.streams.paced import paced
from tests.benchmarks.streams.replay import replay
from tests.benchmarks.streams.storm import storm
from tests.benchmarks.testbed import Testbed

CASES: dict[str, Callable[[Testbed, float], list[Bar]]] = {
    "paced": paced,
    "burst": burst,
    "replay": replay,
    "storm": storm,
    "memory": memory,
    "exports": exports,
    "compressed": compressed,
}
