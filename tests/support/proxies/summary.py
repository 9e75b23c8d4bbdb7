"""Collects the times of followers behind proxies and prints them as a table at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PROPERTY = "through a proxy"
Record = Callable[[str, object], None]


def note(record: Record, proxy: str, follower: str, transport: str, seconds: float) -> None:
    """Keep, by `record_property`, over what a follower got its events and how soon the first."""
    record(PROPERTY, [proxy, follower, f"{transport}, {seconds:.1f} s"])


def summarize(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was noted, a line a proxy; nothing where no test noted anything."""
    cells: dict[str, dict[str, str]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == PROPERTY:
                proxy, follower, cell = value
                cells.setdefault(proxy, {})[follower] = cell
    if cells:
        terminalreporter.section("transport, and time until the first event or live, by proxy")
        for line in _table(cells):
            terminalreporter.write_line(line)


def _table(cells: dict[str, dict[str, str]]) -> list[str]:
    followers = sorted({follower for row in cells.values() for follower in row})
    rows = [["", *followers]]
    rows += [[proxy, *(row.get(one, "") for one in followers)] for proxy, row in cells.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
