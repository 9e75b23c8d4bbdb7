"""Metrics for Prometheus: families that a collector builds anew for each scrape."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric


def build_family(
    name: str, kind: str, about: str, label: str, samples: Mapping[str, float]
) -> Metric:
    """Return a metric with a sample for each value of its label; `""` is one without a label."""
    make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    family = make(name, about, labels=[label])
    for value, number in samples.items():
        family.add_metric([value] if value else [], number)
    return family
