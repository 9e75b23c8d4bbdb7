"""What the feed, its consumers, schedules, sweeper and workers say of themselves to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from core.metrics import build_family
from jobs import feed, schedules
from jobs.feed import consumers
from jobs.log.state import folded_events
from jobs.queue import live_workers, maintenance
from jobs.queue.backlog import BacklogCollector

_HELP = {
    "reprise_feed_lag_seconds": ("gauge", "Age of the oldest event that the feed lacks."),
    "reprise_feed_position": ("gauge", "The newest position in the feed of all jobs."),
    "reprise_consumer_lag_events": ("gauge", "Events in the feed that a consumer has not had."),
    "reprise_consumer_failures": ("gauge", "Failures of a consumer in a row."),
    "reprise_consumer_left_out_total": ("counter", "Events that a consumer has given up."),
    "reprise_consumer_enabled": ("gauge", "1, or 0 where somebody has disabled the consumer."),
    "reprise_schedule_failures": ("gauge", "Failures in a row of an enabled schedule that fails."),
    "reprise_schedules_enabled": ("gauge", "Schedules that are enabled."),
    "reprise_duty_seconds": ("gauge", "Since a sweeper last did a duty well; -1: never."),
    "reprise_duty_failures": ("gauge", "Failures of a sweeper's duty in a row."),
    "reprise_sweeper_late": ("gauge", "1 where a duty is late, as /readyz says; 0 otherwise."),
    "reprise_jobs_unknown_kind": ("gauge", "Jobs waiting for a kind that no live worker knows."),
    "reprise_folded_events_total": ("counter", "Events folded by this process to find a state."),
}


class LogCollector:
    """Reads the metrics from the database when it is asked."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the table above."""
        return build_families(read_values())


def build_families(values: Mapping[str, Mapping[str, float]]) -> Iterator[Metric]:
    """Yield the metrics, given their numbers by name and label."""
    for name, (kind, about) in _HELP.items():
        label = "kind" if name.endswith("_kind") else name.split("_")[1]  # consumer, schedule, duty
        yield build_family(name, kind, about, label, values[name])


def read_values() -> dict[str, Mapping[str, float]]:
    """Return the numbers by name and label; asks the database."""
    found, timed = consumers.consumer_status(), schedules.schedules_status()
    done = maintenance.duty_status()
    return {
        "reprise_consumer_left_out_total": {one.name: one.left_out for one in found},
        "reprise_consumer_enabled": {one.name: int(one.enabled) for one in found},
        "reprise_schedule_failures": timed.failing,
        "reprise_schedules_enabled": {"": timed.enabled},
        "reprise_duty_seconds": {
            one.name: -1 if one.seconds is None else round(one.seconds, 3) for one in done
        },
        "reprise_duty_failures": {one.name: one.failures for one in done},
        "reprise_sweeper_late": {"": int(not done or any(one.late for one in done))},
        "reprise_feed_lag_seconds": {"": round(feed.lag_seconds(), 3)},
        "reprise_feed_position": {"": feed.feed_end()},
        "reprise_consumer_lag_events": {one.name: one.lag for one in found},
        "reprise_consumer_failures": {one.name: one.failures for one in found},
        "reprise_jobs_unknown_kind": live_workers.unknown_kinds(),
        "reprise_folded_events_total": {"": folded_events.total},
    }


def text() -> bytes:
    """Return the metrics in Prometheus' text format; asks the database."""
    return generate_latest(LogCollector()) + generate_latest(BacklogCollector())
