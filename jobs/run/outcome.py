"""How a run ends: what its handler returns or raises becomes the job's last event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from core.errors import BadRequest, EventTooLarge, InvalidParams, NotNow
from core.terminal import plain_text
from core.user_code import contained, describe, plain, report
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.events.extensions import ending_events
from jobs.events.fold import CANCELLING, RUNNING
from jobs.run.errors import MAX_MESSAGE, Cancelled, Diverged, JobFailed, Leaving, Parked, StepFailed
from jobs.run.run import Run
from jobs.secrets.keys import KeysUnusable, SecretUnreadable

logger = logging.getLogger(__name__)

STOPPED = "Stopped on request."


async def ending_of(run: Run, work: Callable[[], Awaitable[Any]]) -> NewEvent:
    """Do the run's work and return the event that ends the job; raises only what leaves it open.

    That is LeaseLost, and HandedOver, Parked or CancelledError if the run leaves its worker.
    """
    try:
        if run.attempt == 1:  # a later attempt may have to put back what an earlier one began
            run.checkpoint()
        with contained(_passes_through(run)):
            result = await work()
    except log.LeaseLost:
        raise
    except Leaving:
        await run.log.settle()
        raise
    except asyncio.CancelledError:
        if not run.stopping:
            await run.log.settle()
            raise
        ending = _stopped_event()
    except Exception as error:  # noqa: BLE001 - a kind's code; its event says what it raised
        ending = raised_event(run, error)
    else:
        ending = _returned_event(run, result)
    if run.diverged:
        ending = failed_event(run.diverged.message)
    return _with_stuck(ending, run.compensation.stuck)


async def append_ending(run: Run, ending: NewEvent) -> EventType:
    """Append the event that ends the job; where that cannot be stored, one that says so.

    Return the type of what was appended.

    A run whose job somebody stopped before its success was recorded is cancelled.
    """
    try:
        statuses = frozenset({RUNNING}) if ending.type == EventType.JOB_SUCCEEDED else None
        await run.append(ending_events(ending), statuses)
    except NotNow as refused:
        status = refused.extra.get("job_status")
        if status == CANCELLING:
            return await append_ending(run, cancelled_instead(ending))
        if status != "paused":
            raise
        raise Parked from refused  # a pause holds to the end: that comes after the resume
    except (BadRequest, EventTooLarge) as error:
        await run.append([failed_event(f"How the run ended cannot be stored: {error.message}")])
        return EventType.JOB_FAILED
    return ending.type


def failed_event(message: str, **extra: Any) -> NewEvent:
    """Return the event of a failed job."""
    return NewEvent(EventType.JOB_FAILED, {"message": plain_text(message)[:MAX_MESSAGE], **extra})


def cancelled_instead(ending: NewEvent) -> NewEvent:
    """Return the end of a run that was stopped while its handler came to an end of its own."""
    message = ending.data["message"]
    said = {} if message == "Done." else {"message": f"{STOPPED} {message}"}
    data = {"message": STOPPED, **{k: v for k, v in ending.data.items() if k == "result"}, **said}
    return NewEvent(EventType.JOB_CANCELLED, data)


def _passes_through(run: Run) -> Any:
    return lambda error: isinstance(error, asyncio.CancelledError) or run.is_signal(error)


def _returned_event(run: Run, result: Any) -> NewEvent:
    """Return the event for a handler that came to its end."""
    data: dict[str, Any] = {"message": "Done."}
    try:
        if (said := plain(result)) is not None:
            data["result"] = said
        if isinstance(said, dict) and "message" in said:
            data["message"] = plain_text(str(said["message"]))
    except Exception as error:  # noqa: BLE001 - its objects are a kind's code as well
        return failed_event(f"How the run ended cannot be stored: {describe(error)}")
    ending = NewEvent(EventType.JOB_SUCCEEDED, data)
    return cancelled_instead(ending) if run.cancelling else ending


def raised_event(run: Run, error: Exception) -> NewEvent:
    """Return the event for a handler that raised."""
    try:
        with contained():
            if (ending := _expected_event(run, error)) is not None:
                return ending
    except Exception as second:  # noqa: BLE001 - a kind's subclass of what we expect
        where = {"action": "run", "job": run.job}
        logger.warning("job %s: %s", run.job, describe(second), extra=where)
    report(f"job {run.job} failed in its handler", error, run.job)
    return failed_event(f"The handler broke: {describe(error)}")


def _expected_event(run: Run, error: Exception) -> NewEvent | None:
    match error:
        case Diverged() | InvalidParams() | SecretUnreadable() | KeysUnusable():
            return failed_event(str(error.message))
        case Cancelled() if run.cancelling:
            return _stopped_event(str(error))
        case JobFailed():
            targets = [str(target) for target in error.failed_targets]
            return failed_event(str(error.message), failed_targets=targets)
        case StepFailed():
            message = f"{str(error).removesuffix('.')}."
            return failed_event(message, failed_targets=[error.target] if error.target else [])
    return None


def _stopped_event(message: str = "") -> NewEvent:
    said = plain_text(message)[:MAX_MESSAGE] or STOPPED
    return NewEvent(EventType.JOB_CANCELLED, {"message": said})


def _with_stuck(ending: NewEvent, stuck: list[str]) -> NewEvent:
    """Return the ending with what could not be put back."""
    if not stuck:
        return ending
    message = (
        f"{ending.data['message'][: MAX_MESSAGE // 2]} Could not be put back: {', '.join(stuck)}."
    )
    return replace(ending, data={**ending.data, "message": message[:MAX_MESSAGE]})
