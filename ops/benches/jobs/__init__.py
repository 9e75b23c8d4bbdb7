"""What dispatch and leases cost: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from ops.benches.jobs.latency import latency
from ops.benches.jobs.rollout import rollout
from ops.benches.jobs.throughput import one, two
from ops.benches.report import Bar
from ops.benches.stage import Stage

CASES: dict[str, Callable[[Stage, float], list[Bar]]] = {
    "one": one,
    "two": two,
    "latency": latency,
    "rollout": rollout,
}
