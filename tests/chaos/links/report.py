"""What is said of the links: a row for each kind of case, all that is wrong, and JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core import clock
from tests.chaos.links.cases import Case
from tests.chaos.links.kinds import LINKS
from tests.chaos.links.verdict import BYTES, FIND_SECONDS, LOST_BYTES, TIMES, Judged


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked for, and all that came of it; `deaths` of processes that nobody had asked."""

    seed: int
    size: float
    hosts: bool
    judged: Sequence[Judged]
    deaths: Sequence[str]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.deaths and not any(one.wrong for one in self.judged)

    @property
    def cases(self) -> list[Judged]:
        """Those that are no twins."""
        return [one for one in self.judged if not one.found.case.twin]


def table(told: Told) -> Table:
    """Return a row for each link, follower and transport: the worst of its cases."""
    made = Table(
        "", "link", "follower", "transport", "cases", "whole", "ideal", "longest", "times ideal",
        "times bytes", "connections", box=None, pad_edge=False,
    )  # fmt: skip
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for one in told.cases:
        case = one.found.case
        groups.setdefault((case.link, case.follower, case.way), []).append(one)
    order = list(LINKS)
    for name in sorted(groups, key=lambda name: (order.index(name[0]), name[1:])):
        made.add_row(*_row(name, groups[name]))
    return made


def _row(name: Sequence[str], ones: Sequence[Judged]) -> Sequence[str]:
    whole = sum(not one.missed for one in ones)
    bounds = [one.bounds for one in ones if one.bounds]
    counts = [one.found.traffic.connections for one in ones]
    return (
        "✗" if any(one.wrong for one in ones) else "✓",
        *name,
        str(len(ones)),
        str(whole),
        f"{max((one.ideal for one in bounds), default=0):.1f} s",
        f"{max(one.found.seconds for one in ones):.1f} s",
        f"{max((_times(one) for one in ones), default=0):.2f}",
        f"{max((_bytes(one) for one in ones), default=0):.2f}",
        "–".join(dict.fromkeys(map(str, (min(counts), max(counts))))),
    )


def write(told: Told, folder: Path) -> Path:
    """Print the table and what is wrong; write the JSON; return its path."""
    console = Console(width=max(130, Console().width))
    console.print()
    console.print(table(told))
    console.print()
    for line in [*told.deaths, *(_line(one) for one in told.judged if one.wrong)]:
        console.print(f"  {line}", markup=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "links.json"
    path.write_text(json.dumps(_as_dict(told), indent=2, ensure_ascii=False) + "\n")
    return path


def _line(one: Judged) -> str:
    return f"{_name(one.found.case)}: {'; '.join(one.wrong)}"


def _name(case: Case) -> str:
    return f"{case.number} ({', '.join(case.words)}{', twin' if case.twin else ''})"


def _times(one: Judged) -> float:
    ideal = one.bounds.ideal if one.bounds else 0.0
    return one.found.seconds / ideal if ideal else 0.0


def _bytes(one: Judged) -> float:
    return one.found.traffic.total / one.bounds.needed if one.bounds else 0.0


def _as_dict(told: Told) -> dict[str, Any]:
    return {
        "chaos": "links",
        "at": clock.rfc3339(clock.now()),
        "holds": told.holds,
        "seed": told.seed,
        "size": told.size,
        "hosts": told.hosts,
        "seconds": round(told.seconds, 1),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "bounds": {
            "times_ideal": TIMES,
            "times_bytes": BYTES,
            "lost_bytes_a_cut": LOST_BYTES,
            "find_seconds_a_transport": FIND_SECONDS,
        },
        "deaths": list(told.deaths),
        "cases": [
            {
                **one.found.case.as_dict(),
                **asdict(one.found.ended),
                **asdict(one.found.account),
                **asdict(one.found.traffic),
                "seconds": round(one.found.seconds, 2),
                "bounds": asdict(one.bounds) if one.bounds else None,
                "times_ideal": round(_times(one), 3),
                "times_bytes": round(_bytes(one), 3),
                "missed": one.missed,
                "late": one.late,
                "dear": one.dear,
            }
            for one in told.judged
        ],
    }
