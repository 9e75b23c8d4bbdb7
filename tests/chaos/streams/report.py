"""What is said of a series: a table of faults, one of followers, and JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core import clock
from tests.chaos.streams.account import Account
from tests.chaos.streams.layout import LADDER
from tests.chaos.streams.series import Wanted
from tests.chaos.streams.verdict import Follower, Verdict


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked for, and all that came of it."""

    wanted: Wanted
    hosts: bool
    verdict: Verdict
    bound: float
    seconds: float


def faults(told: Told) -> Table:
    """Return a row for each fault: how late events came, and when all was well again."""
    made = Table(
        "", "fault", "deliveries", "p50", "p99", "longest", "then p99", "longest", "recovered",
        box=None, pad_edge=False,
    )  # fmt: skip
    for one in told.verdict.felt:
        made.add_row(
            "✗" if one.wrong else "✓",
            one.struck.planned.fault,
            str(one.during.deliveries),
            *_seconds(one.during.p50, one.during.p99, one.during.longest),
            *_seconds(one.after.p99, one.after.longest, one.recovery),
        )
    calm = told.verdict.calm
    made.add_row("", "(nothing)", str(calm.deliveries), *_seconds(calm.p50, calm.p99, calm.longest))
    return made


def followers(told: Told) -> Table:
    """Return a row for each transport: its followers' accounts."""
    made = Table(
        "", "transport", "followers", "events", "lost", "doubled", "out of order", "foreign",
        "to the end", box=None, pad_edge=False,
    )  # fmt: skip
    groups: dict[str, list[Follower]] = {}
    for one in told.verdict.followers:
        groups.setdefault(_name(one), []).append(one)
    for name, ones in groups.items():
        account = sum((one.account for one in ones), Account())
        made.add_row(
            "✗" if any(one.wrong for one in ones) else "✓",
            name,
            str(len(ones)),
            *map(str, (account.got, account.lost, account.doubled)),
            *map(str, (account.disordered, account.foreign)),
            str(sum(not one.ended.trouble for one in ones)),
        )
    return made


def write(told: Told, folder: Path) -> Path:
    """Print the tables; write the JSON; return its path."""
    console, verdict = Console(width=max(120, Console().width)), told.verdict
    for table in (faults(told), followers(told)):
        console.print()
        console.print(table)
    console.print()
    reported = [*verdict.whole]
    reported += [
        f"{one.struck.planned.fault}: {what}" for one in verdict.felt for what in one.wrong
    ]
    reported += [
        f"follower {one.planned.number} ({_name(one)}): {what}"
        for one in verdict.followers
        for what in one.wrong
    ]
    for line in reported[:50]:
        console.print(f"  {line}", markup=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "streams.json"
    path.write_text(json.dumps(_as_dict(told), indent=2, ensure_ascii=False) + "\n")
    return path


def _as_dict(told: Told) -> dict[str, Any]:
    verdict = told.verdict
    return {
        "chaos": "streams",
        "at": clock.rfc3339(clock.now()),
        "holds": verdict.holds,
        **asdict(told.wanted),
        "hosts": told.hosts,
        "seconds": round(told.seconds, 1),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "bound_seconds": told.bound,
        "events": verdict.events,
        "events_a_second": round(verdict.rate, 1),
        "account": asdict(verdict.account),
        "calm": asdict(verdict.calm),
        "faults": [
            {
                **one.struck.planned.as_dict(),
                "what": one.struck.what,
                "took": round(one.struck.ended - one.struck.began, 2),
                "during": asdict(one.during),
                "after": asdict(one.after),
                "recovered_after": round(one.recovery, 2),
                "wrong": one.wrong,
            }
            for one in verdict.felt
        ],
        "whole": list(verdict.whole),
        "followers": [
            {**asdict(one.planned), **asdict(one.ended), **asdict(one.account)}
            for one in verdict.followers
        ],
        "by_second": [{"at": second, **asdict(lag)} for second, lag in verdict.seconds],
    }


def _name(one: Follower) -> str:
    transports = tuple(one.planned.transports)
    return "any of them" if transports == LADDER else ", ".join(transports)


def _seconds(*values: float) -> list[str]:
    return [f"{value:.3f} s" if value < 10 else f"{value:.1f} s" for value in values]
