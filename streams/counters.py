"""What this process has delivered and repaired, counted; `/metrics` shows it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily, Metric

from core.metrics import build_family

LAG_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
RECENT = 4096

_HELP = {
    "followers": ("gauge", "Open followers by transport."),
    "blocked": ("gauge", "Connections that wait for their clients to take what was sent."),
    "sent_events": ("counter", "Events written to followers, by transport."),
    "sent_bytes": ("counter", "Bytes of frames and messages of events, by transport."),
    "refused": ("counter", "Followers not let in, by the limit, or going_down."),
    "sent_off": ("counter", "Followers whose access was found to have ended, by the error's code."),
    "access_checks": ("counter", "Times that followers' access was asked about, all in one go."),
    "hints": (
        "counter",
        "Hints heard from the channel layer: used, old, gap, large, stray, bad, other.",
    ),
    "lost_hints": ("counter", "Gaps in the hints: some were lost before one that came, or all."),
    "heals": ("counter", "Gaps filled from the log, by how they were noticed."),
    "poll_heals": ("counter", "Gaps that only the poll noticed: hints that were lost."),
    "ring_hits": ("counter", "Batches for followers served from a job's ring."),
    "page_reads": ("counter", "Pages of history read from the log."),
    "page_hits": ("counter", "Pages of history served from memory, or shared while being read."),
    "pages_made": ("counter", "Pages of history made for HTTP, by their coding."),
    "pages_kept": ("counter", "Pages of history for HTTP that were in memory as they are sent."),
    "feed_reads": ("counter", "Reads of the feed of all jobs: after a hint, by the poll, a page."),
    "read_failures": ("counter", "Reads of the log that failed, by what wanted them."),
    "rotations": ("counter", "Answers that ended only for the client to come back."),
    "slow_closes": ("counter", "Connections closed because they took nothing for 30 s."),
    "restarts": ("counter", "Starts anew of this process's own tasks, by task."),
    "histories_dropped": ("counter", "Jobs whose log turned out to be another than before."),
    "jobs": ("gauge", "Jobs with a ring in memory."),
}


class Lag:
    """How long after its append an event was sent, of live events: the first of each batch."""

    def __init__(self) -> None:
        self._counts = [0] * (len(LAG_BOUNDS) + 1)
        self._sum = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def observe(self, seconds: float) -> None:
        """Take in one delivery. The clocks of two machines may differ: at least nothing."""
        seconds = max(seconds, 0.0)
        self._counts[bisect_left(LAG_BOUNDS, seconds)] += 1
        self._sum += seconds
        self._recent.append(seconds)

    def recent(self, quantile: float) -> float:
        """Return the quantile of the last few thousand deliveries; 0 without any."""
        found = sorted(self._recent)
        return found[min(int(quantile * len(found)), len(found) - 1)] if found else 0.0

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram, then the recent p50 and p99."""
        bounds = [*map(str, LAG_BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(
            "reprise_stream_lag_seconds",
            "From an event's append to its sending.",
            buckets=buckets,
            sum_value=round(self._sum, 6),
        )
        recent = {str(quantile): round(self.recent(quantile), 6) for quantile in (0.5, 0.99)}
        name, about = "reprise_stream_lag_recent_seconds", "The same of late."
        yield build_family(name, "gauge", about, "quantile", recent)


@dataclass(slots=True)
class Counters:
    """Numbers by name and label; every name is in the table above. Not shared between threads."""

    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    lag: Lag = field(default_factory=Lag)

    def add(self, name: str, label: str = "", amount: int = 1) -> None:
        """Count `amount` more (or fewer, for a gauge) of `name`."""
        self.values[name, label] += amount

    def sent(self, transport: str, events: int, size: int) -> None:
        """Count events written to a follower, `size` bytes of them."""
        self.values["sent_events", transport] += events
        self.values["sent_bytes", transport] += size

    def get(self, name: str, label: str | None = None) -> int:
        """Return a count; without a label, the sum over all its labels."""
        if label is not None:
            return self.values[name, label]
        return sum(count for (other, _), count in self.values.items() if other == name)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; one that was never counted is 0."""
        for name, (kind, about) in _HELP.items():
            full = f"reprise_stream_{name}" + ("_total" if kind == "counter" else "")
            found = {label: n for (other, label), n in self.values.items() if other == name}
            samples = dict(sorted(found.items())) or {"": 0}
            yield build_family(full, kind, about, "of", samples)
        yield from self.lag.collect()


counters = Counters()
