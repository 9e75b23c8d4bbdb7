"""What delivery costs and how soon it comes: each case returns its bars."""

from __future__ import annotations

from collections.abc import Callable

from ops.benches.report import Bar
from ops.benches.stage import Stage
from ops.benches.streams.burst import burst
from ops.benches.streams.memory import memory
from ops.benches.streams.paced import paced
from ops.benches.streams.replay import replay
from ops.benches.streams.storm import storm

CASES: dict[str, Callable[[Stage, float], list[Bar]]] = {
    "paced": paced,
    "burst": burst,
    "replay": replay,
    "storm": storm,
    "memory": memory,
}
