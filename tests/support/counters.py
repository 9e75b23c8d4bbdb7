"""Reads a web process's counters from `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

PREFIX = "reprise_stream_"


def read_counters(url: str, headers: Mapping[str, str]) -> dict[str, int]:
    """Return a web process's counters, `name` or `name{of="label"}` to number."""
    text = httpx.get(f"{url}/metrics", headers=headers, timeout=60).text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {
        _name(one.name, one.labels): int(one.value)
        for one in samples
        if one.name.startswith(PREFIX)
    }


def _name(name: str, labels: Mapping[str, str]) -> str:
    words = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return name.removeprefix(PREFIX) + (f"{{{words}}}" if words else "")
