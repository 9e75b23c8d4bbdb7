"""One round of live delivery: followers wait, events are published at a pace, what came is told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import following
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.streams.sources import Source

SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`bursts` times, every `every` seconds: `batches` of `size` events as fast as they go."""

    bursts: int
    every: float
    batches: int = 1
    size: int = 1

    @property
    def events(self) -> int:
        """How many that makes."""
        return self.bursts * self.batches * self.size

    def steps(self) -> Iterator[tuple[float, range]]:
        """Yield when after the start, and which events."""
        for number in range(self.bursts * self.batches):
            first = number * self.size
            yield number // self.batches * self.every, range(first, first + self.size)


@dataclass(frozen=True, slots=True)
class Round:
    """What was delivered, the CPU that took, and each delivery's milliseconds, sorted.

    `cpu` is all of it: the server's (`web`), Valkey's, and where the server is ours that of
    Postgres, which has stored the events as well.
    """

    delivered: int
    due: int
    cpu: float
    web: float
    waits: np.ndarray[tuple[int], np.dtype[np.float64]]

    def late(self, share: float) -> float:
        """Return the milliseconds that this share of the deliveries stayed under."""
        return float(self.waits[int(share * (len(self.waits) - 1))])

    @property
    def micros(self) -> float:
        """The microseconds of CPU a delivery."""
        return self.cpu * 1e6 / self.delivered

    @property
    def a_second(self) -> float:
        """The deliveries in a second of CPU."""
        return self.delivered / self.cpu


def use_in_django(
    served: Served, requests: Sequence[str], ready: str, source: Source, pace: Pace, wait: float
) -> Round:
    """Publish to so many followers; wait `wait` seconds at most for what is under way at the end.

    CPU is taken from the first event until everything has arrived (or the wait is over).
    """
    more = {"stamped": True, "expected": pace.events}
    with following(served.port, requests, ready, **more) as crowd:
        crowd.until_ready()
        time.sleep(SETTLE_SECONDS)
        web, others = served.cpu(), _others(served)
        moments = _publish(source, pace)
        crowd.until_done_or(wait)
        web, others = served.cpu() - web, _others(served) - others
        seen = crowd.seen()
    sent = np.array(moments)
    numbers = np.array(seen["numbers"], dtype=np.int64)
    waits = np.sort((np.array(seen["times"]) - sent[numbers]) * 1000)
    return Round(len(numbers), pace.events * len(requests), web + others, web, waits)


def _others(served: Served) -> float:
    return servers.valkey_cpu() + served.database_cpu()


def _publish(source: Source, pace: Pace) -> list[float]:
    moments: list[float] = []
    began = time.monotonic()
    for due, numbers in pace.steps():
        time.sleep(max(began + due - time.monotonic(), 0))
        moments += source.send(numbers)
    return moments
