"""What a worker says of itself to Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from core.metrics import build_family
from jobs.worker.worker import Worker


@dataclass(frozen=True, slots=True)
class WorkerCollector:
    """The metrics of one worker; asks nobody."""

    worker: Worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        worker = self.worker
        about = "Attempts that this worker has ended or let go of, by what they came to."
        name = "reprise_worker_attempts_total"
        yield build_family(name, "counter", about, "outcome", dict(worker.outcomes))
        for name, about, value in (
            ("running", "Jobs that this worker runs.", worker.running),
            ("capacity", "Jobs that this worker runs at most.", worker.capacity),
            ("leaving", "1 where the worker hands over its jobs to end.", int(worker.is_leaving)),
            ("renewal_seconds", "Since the leases were last renewed.", self._since_renewal()),
        ):
            yield build_family(f"reprise_worker_{name}", "gauge", about, "of", {"": value})

    def _since_renewal(self) -> float:
        beats = self.worker.heartbeat
        return round(time.monotonic() - beats.renewed_at, 3) if beats else 0.0
