"""What is said of a series: a line a run, tables, JSON, and the logs of the runs that went bad."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core import clock
from tests.chaos.base_servers import LEASE_SECONDS, SWEEP_SECONDS
from tests.chaos.checks import CHECKS, Event, Finding, Seen, fails_with, longest_quiet, steps
from tests.chaos.drive import GONE_SECONDS, QUIET_SECONDS, Outcome
from tests.chaos.plan import Planned


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked for, and all that came of it."""

    name: str
    seed: int
    plan: Sequence[Planned]
    outcomes: Sequence[Outcome]
    whole: Sequence[Finding]
    disks: str
    seconds: float
    keep: bool = False  # the logs of good runs too

    @property
    def holds(self) -> bool:
        """Whether all that was planned was done and nothing is wrong."""
        wrong = any(outcome.findings for outcome in self.outcomes)
        return len(self.outcomes) == len(self.plan) and not wrong and not self.whole


def line(outcome: Outcome, done: int, planned: int) -> str:
    """Return what is said of a run when it has ended."""
    reported = seen(outcome)
    sign = "✗" if outcome.findings else "✓"
    words = [
        f"{done:>4}/{planned} {sign} {outcome.planned.fault:<16}",
        f"run {outcome.planned.number}: {reported['status']}, attempt {reported['attempts']},",
        f"{outcome.seconds:.1f} s. {outcome.fault}",
    ]
    wrong = [f"        {one.check}: {one.what}" for one in outcome.findings]
    return "\n".join([" ".join(words), *wrong])


def seen(outcome: Outcome) -> dict[str, Any]:
    """Return what was seen of a run, in a few figures."""
    if outcome.seen is None:
        return {"status": "not run", "attempts": 0}
    events = outcome.seen.events
    kinds = Counter(event["type"] for event in steps(events))
    began = Counter(
        (event["step"], event["target"], event["data"].get("occurrence"))
        for event in steps(events)
        if event["type"] == "step.started"
    )
    return {
        "status": events[-1]["type"].partition(".")[2] if events else "lost",
        "attempts": max((event.get("attempt", 0) for event in events), default=0),
        "events": len(events),
        "steps_succeeded": kinds["step.succeeded"],
        "steps_failed": sorted(
            f"{event['step']} {event['target']}: {event['data']['error']['type']}"
            for event in steps(events)
            if event["type"] == "step.failed"
        ),
        "steps_begun_again": sum(count - 1 for count in began.values()),
        "pickup_seconds": _pickup_seconds(events),
        "longest_quiet_seconds": round(longest_quiet(outcome.seen), 2),
        "servers": {name: asdict(server) for name, server in outcome.seen.after.items()},
    }


def _pickup_seconds(events: Sequence[Event]) -> float | None:
    """Return how long after its submission a run was begun, None if it was not."""
    at = {event["type"]: event["at"] for event in reversed(events)}
    if "attempt.started" not in at:
        return None
    began, submitted = (
        datetime.fromisoformat(at[type_]) for type_ in ("attempt.started", "job.submitted")
    )
    return round((began - submitted).total_seconds(), 3)


def pickup_words(told: Told) -> str:
    """Return how long runs waited for their beginning, to compare one series with another."""
    waits = [seen(outcome).get("pickup_seconds") for outcome in told.outcomes]
    known = sorted(wait for wait in waits if wait is not None)
    if not known:
        return "No run was begun."
    return (
        f"Runs were begun after {known[len(known) // 2]:.2f} s (median), {known[-1]:.2f} s (most)."
    )


def table(told: Told) -> Table:
    """Return a row for each fault, and what was found."""
    made = Table(
        "", "fault", "runs", "came", "succeeded", "failed", "taken over", "begun again",
        "longest quiet", "wrong", box=None, pad_edge=False,
    )  # fmt: skip
    for fault in sorted({outcome.planned.fault for outcome in told.outcomes}):
        ours = [outcome for outcome in told.outcomes if outcome.planned.fault == fault]
        saw = [seen(outcome) for outcome in ours]
        wrong = sum(bool(outcome.findings) for outcome in ours)
        made.add_row(
            "✗" if wrong else "✓",
            fault,
            str(len(ours)),
            str(sum(not outcome.missed for outcome in ours)),
            str(sum(one["status"] == "succeeded" for one in saw)),
            str(sum(one["status"] == "failed" for one in saw)),
            str(sum(one["attempts"] > 1 for one in saw)),
            str(sum(one.get("steps_begun_again", 0) for one in saw)),
            f"{max(one.get('longest_quiet_seconds', 0.0) for one in saw):.1f} s",
            str(wrong),
        )
    return made


def checked(told: Told) -> Table:
    """Return a row for each check: what must hold, of how many runs it does not."""
    made = Table("", "check", "what must hold", "wrong", box=None, pad_edge=False)
    for name, check in CHECKS.items():
        wrong = sum(any(f.check == name for f in outcome.findings) for outcome in told.outcomes)
        made.add_row("✗" if wrong else "✓", name, str(check.__doc__), str(wrong))
    words = sum(any(f.check == "words" for f in outcome.findings) for outcome in told.outcomes)
    made.add_row("✗" if words else "✓", "words", str(fails_with.__doc__), str(words))
    whole = "In the end all is delivered, fed and released, and no log has changed; the bystanders"
    whole += " fail, are told to, and hold nobody up"
    made.add_row("✗" if told.whole else "✓", "whole", whole, str(len(told.whole)))
    return made


def write(told: Told, folder: Path) -> list[Path]:
    """Print the tables; write the JSON, and the log of each bad run as NDJSON; return the paths."""
    console = Console(width=max(120, Console().width))
    console.print()
    console.print(table(told))
    console.print()
    console.print(checked(told))
    console.print(pickup_words(told))
    for finding in told.whole:
        console.print(f"  {finding.what}", markup=False)
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{told.name}.json"]
    written[0].write_text(json.dumps(_as_dict(told), indent=2, ensure_ascii=False) + "\n")
    for outcome in told.outcomes:
        if outcome.seen and (outcome.findings or told.keep):
            name = f"{outcome.planned.number:03}-{outcome.planned.fault}.ndjson"
            written.append(_history(outcome.seen, folder / f"{told.name}-histories" / name))
    return written


def _as_dict(told: Told) -> dict[str, Any]:
    return {
        "chaos": told.name,
        "at": clock.rfc3339(clock.now()),
        "seed": told.seed,
        "holds": told.holds,
        "planned": len(told.plan),
        "seconds": round(told.seconds, 1),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "limits": {
            "lease_seconds": LEASE_SECONDS,
            "sweep_seconds": SWEEP_SECONDS,
            "quiet_seconds": QUIET_SECONDS,
            "gone_seconds": GONE_SECONDS,
        },
        "disk_full": told.disks,
        "whole": [finding.what for finding in told.whole],
        "runs": [_run(outcome) for outcome in told.outcomes],
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    return {
        **outcome.planned.as_dict(),
        "job": str(outcome.job),
        "came": {"missed": outcome.missed, "what": outcome.fault, **outcome.came},
        "seconds": round(outcome.seconds, 2),
        "seen": seen(outcome),
        "findings": [asdict(finding) for finding in outcome.findings],
    }


def _history(run: Seen, path: Path) -> Path:
    """Supervisor a log as it is stored, an event a line, as `manage.py record` writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in run.texts))
    return path
