"""What the log's readers say of themselves to Prometheus: the feed's lag, each consumer's."""

from __future__ import annotations

from collections.abc import Mapping

from jobs import consumers, feed
from jobs.state import folded_events

_HELP = {
    "reprise_feed_lag_seconds": ("gauge", "Age of the oldest event that the feed lacks."),
    "reprise_feed_position": ("gauge", "The newest position in the feed of all jobs."),
    "reprise_consumer_lag_events": ("gauge", "Events in the feed that a consumer has not had."),
    "reprise_consumer_failures": ("gauge", "Failures of a consumer in a row."),
    "reprise_folded_events_total": ("counter", "Events folded by this process to find a state."),
}


def text() -> str:
    """Return the metrics in Prometheus' text format 0.0.4; asks the database."""
    found = consumers.standings()
    values: dict[str, Mapping[str, float]] = {
        "reprise_feed_lag_seconds": {"": round(feed.lag_seconds(), 3)},
        "reprise_feed_position": {"": feed.end()},
        "reprise_consumer_lag_events": {one.name: one.lag for one in found},
        "reprise_consumer_failures": {one.name: one.failures for one in found},
        "reprise_folded_events_total": {"": folded_events.total},
    }
    lines: list[str] = []
    for name, (kind, about) in _HELP.items():
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        for label, value in values[name].items():
            lines.append(f'{name}{{consumer="{label}"}} {value}' if label else f"{name} {value}")
    return "\n".join(lines) + "\n"
