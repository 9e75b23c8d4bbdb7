"""What the feed, its consumers, schedules, sweeper and workers say of themselves to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from jobs import feed, schedules
from jobs.feed import consumers
from jobs.log.state import folded_events
from jobs.queue import maintenance, unknown_kinds

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


def text() -> str:
    """Return the metrics in Prometheus' text format 0.0.4; asks the database."""
    found, timed, done = (
        consumers.consumer_status(),
        schedules.schedules_status(),
        maintenance.duty_status(),
    )
    values: dict[str, Mapping[str, float]] = {
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
        "reprise_jobs_unknown_kind": unknown_kinds.unknown_kinds(),
        "reprise_folded_events_total": {"": folded_events.total},
    }
    lines: list[str] = []
    for name, (kind, about) in _HELP.items():
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        of = "kind" if name.endswith("_kind") else name.split("_")[1]  # consumer, schedule, duty
        for label, value in values[name].items():
            named = f'{{{of}="{_escaped(label)}"}}' if label else ""
            lines.append(f"{name}{named} {value}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
