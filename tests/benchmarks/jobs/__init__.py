"""What dispatch and leases cost: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.jobs.latency import latency
from tests.benchmarks.jobs.masking import masking
from tests.benchmarks.jobs.rollout import rollout
from tests.benchmarks.jobs.steps import steps
from tests.benchmarks.jobs.throughput import one, two
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

CASES: dict[str, Callable[[Testbed, float], list[Bar]]] = {
    "one": one,
    "two": two,
    "latency": latency,
    "rollout": rollout,
    "masking": masking,
    "steps": steps,
}
