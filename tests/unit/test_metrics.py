"""Metrics are what dashboards know: names, types, helps, labels and values as they were recorded.

`metrics/` has the answers of the release before prometheus-client wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from jobs.metrics import build_families
from streams.counters import Counters

RECORDED = Path(__file__).parent / "metrics"
EMPTY: dict[str, Mapping[str, float]] = {
    "reprise_feed_lag_seconds": {"": 0.0},
    "reprise_feed_position": {"": 0},
    "reprise_consumer_lag_events": {},
    "reprise_consumer_failures": {},
    "reprise_consumer_left_out_total": {},
    "reprise_consumer_enabled": {},
    "reprise_schedule_failures": {},
    "reprise_schedules_enabled": {"": 0},
    "reprise_duty_seconds": {},
    "reprise_duty_failures": {},
    "reprise_sweeper_late": {"": 1},
    "reprise_jobs_unknown_kind": {},
    "reprise_folded_events_total": {"": 0},
}
FULL: dict[str, Mapping[str, float]] = {
    "reprise_feed_lag_seconds": {"": 1.235},
    "reprise_feed_position": {"": 12345678},
    "reprise_consumer_lag_events": {"webhooks": 17, 'odd "one"\\': 0},
    "reprise_consumer_failures": {"webhooks": 2, 'odd "one"\\': 0},
    "reprise_consumer_left_out_total": {"webhooks": 3, 'odd "one"\\': 0},
    "reprise_consumer_enabled": {"webhooks": 1, 'odd "one"\\': 0},
    "reprise_schedule_failures": {"night ünd\nday": 2},
    "reprise_schedules_enabled": {"": 4},
    "reprise_duty_seconds": {"feed": 0.123, "seals": -1},
    "reprise_duty_failures": {"feed": 0, "seals": 3},
    "reprise_sweeper_late": {"": 1},
    "reprise_jobs_unknown_kind": {"test-brief": 2, "": 1},
    "reprise_folded_events_total": {"": 99},
}


class Log:
    """Collects the log's metrics from numbers that are given."""

    def __init__(self, values: Mapping[str, Mapping[str, float]]) -> None:
        self.values = values

    def collect(self) -> list[Metric]:
        return list(build_families(self.values))


def counted() -> Counters:
    """Return counters as they were when `followers.txt` was recorded."""
    counters = Counters()
    counters.add("followers", "websocket", 3)
    counters.add("followers", "sse", 1)
    counters.sent("websocket", 1_200_345, 98_765_432_109)
    counters.sent("longpoll", 7, 1234)
    counters.add("blocked", amount=0)
    counters.add("jobs", amount=12)
    counters.add("refused", "going_down")
    counters.add("hints", "used", 41)
    counters.add("hints", "gap")
    counters.add("access_checks")
    counters.add("poll_heals", amount=2)
    counters.add("histories_dropped")
    counters.add("histories_dropped", "feed")
    counters.add("read_failures", "page")
    for seconds in (-1, 0.0, 0.001, 0.0015, 0.25, 0.5, 4.0, 31.0, 60.0):
        counters.lag.observe(seconds)
    return counters


def declared(text: str) -> list[str]:
    """Return the lines that declare names, helps and types."""
    return [line for line in text.splitlines() if line.startswith("#")]


def parsed(text: str) -> list[Metric]:
    """Return the metrics with their samples sorted: a histogram's sum and count have no order."""
    families = list(text_string_to_metric_families(text))
    for family in families:
        family.samples.sort(key=lambda sample: (sample.name, sorted(sample.labels.items())))
    return families


@pytest.mark.parametrize(
    ("recorded", "collector"),
    [
        ("followers", counted()),
        ("followers-none", Counters()),
        ("log", Log(FULL)),
        ("log-none", Log(EMPTY)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_metrics_are_as_they_were_recorded(recorded: str, collector: Counters | Log) -> None:
    before = (RECORDED / f"{recorded}.txt").read_text()
    now = generate_latest(collector).decode()
    assert declared(now) == declared(before)
    assert parsed(now) == parsed(before)
    assert "_created" not in now


def test_a_label_may_have_any_characters() -> None:
    counters = Counters()
    counters.add("read_failures", 'a "b"\\c\nd')
    families = parsed(generate_latest(counters).decode())
    [failures] = [one for one in families if one.name == "reprise_stream_read_failures"]
    assert [sample.labels for sample in failures.samples] == [{"of": 'a "b"\\c\nd'}]


def test_nothing_is_registered_for_the_whole_process() -> None:
    names = {metric.name for metric in REGISTRY.collect()}
    assert not {name for name in names if name.startswith("reprise")}
