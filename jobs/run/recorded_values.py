"""Values that differ from call to call: drawn once, recorded, the same in every attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from jobs.events import EventType, NewEvent
from jobs.run.attempt import Attempt

T = TypeVar("T", str, float)


async def recorded_value(run: Attempt, name: str, draw: Callable[[], T]) -> T:
    """Return what was recorded for this call, or draw it and record it first.

    It is a step that has only ever succeeded. What is returned is committed: an effect that follows
    from it can be found again by the attempt that has to repeat it.
    """
    occurrence, recorded = run.next_call(name, None)
    if recorded is not None:
        kept: T = recorded.result
        return kept
    run.checkpoint(always=True)
    drawn = draw()
    data = {"try": 1, "occurrence": occurrence, "seconds": 0, "result": drawn}
    await run.append([NewEvent(EventType.STEP_SUCCEEDED, data, name)])
    return drawn
