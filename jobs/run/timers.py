"""Waiting: a short while in the worker, a longer one without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from core import clock
from jobs.events import EventType, NewEvent
from jobs.run.attempt import Attempt

# A job.waiting names so many of what it waits for, the soonest first, and says how many there are.
WAITS_SAID = 50


async def sleep_until(
    run: Attempt, name: str, until: datetime, span: timedelta | None = None
) -> None:
    """Sleep until a moment, as a step; what an earlier attempt has recorded stands.

    `span` is how long that is, where the handler says it so.
    """
    occurrence, recorded = run.next_call(name, None)
    if recorded and recorded.status == "succeeded":
        return
    await run.leave_record()
    run.checkpoint()
    if recorded and recorded.until:
        until = clock.parse(recorded.until)
    began = clock.parse(recorded.started_at) if recorded and recorded.started_at else run.clock()
    said = {"try": 1, "occurrence": occurrence}
    if recorded is None:
        data = {**said, "for": "timer", "until": clock.rfc3339(until)}
        if span is not None:
            data["span"] = span.total_seconds()
        await run.append([NewEvent(EventType.STEP_STARTED, data, name)])
    await wait_until(run, until, {"for": "timer", "name": name})
    seconds = round((run.clock() - began).total_seconds(), 3)
    over = NewEvent(EventType.STEP_SUCCEEDED, {**said, "seconds": seconds}, name)
    await run.append([over], exact_time=True)  # not a moment before `until`


async def wait_until(
    run: Attempt, until: datetime, wait: Mapping[str, Any], *, always: bool = False
) -> None:
    """Return at `until`, or raise what a checkpoint raises; Parked if that is not soon.

    `wait` says what the job waits for meanwhile. A run that is being stopped stays: its worker has
    to bring it to an end.
    """
    while (left := (until - run.clock()).total_seconds()) > 0:
        run.checkpoint(always)
        if left > settings.REPRISE.park_seconds and not run.cancelling:
            run.park({**wait, "until": clock.rfc3339(until)})
        await run.wait_for_change(left)


def parking_events(waits: Sequence[Mapping[str, Any]]) -> list[NewEvent]:
    """Return the events that say what a parked run waits for; approvals are asked for last."""
    gates = [wait for wait in waits if wait["for"] == "approval"]
    others = sorted(
        (wait for wait in waits if wait["for"] != "approval"), key=lambda w: w.get("until") or "~"
    )
    # A word that nobody knows is waited for cannot come: of those each is said.
    said = others[:WAITS_SAID] + [one for one in others[WAITS_SAID:] if one["for"] == "signal"]
    asked = [
        NewEvent(EventType.JOB_APPROVAL_REQUESTED, {k: v for k, v in wait.items() if k != "for"})
        for wait in gates
    ]
    if not said:
        return asked
    data = {"for": said[0]["for"], "waits": said, "count": len(others)}
    return [NewEvent(EventType.JOB_WAITING, data), *asked]
