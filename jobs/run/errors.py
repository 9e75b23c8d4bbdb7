"""How a run and its steps end otherwise than well."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.events.fold import StepKey
from jobs.log import LeaseLost

MAX_MESSAGE = 4000


class JobFailed(Exception):
    """The run has failed for a reason that its reader understands; say it in a sentence."""

    def __init__(self, message: str, failed_targets: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.failed_targets = failed_targets or []


class StepFailed(Exception):
    """A step has failed, now or in an earlier attempt; `error` is what its event says."""

    def __init__(self, step: str, target: str | None, error: Mapping[str, Any]) -> None:
        super().__init__(f"{step}: {error.get('message', '')}")
        self.step = step
        self.target = target
        self.error = dict(error)


class Rejected(JobFailed):
    """Somebody has said no at a gate: `by` (an actor), `at` (RFC 3339), and `reason`."""

    def __init__(self, gate: str, by: str, at: str, reason: str) -> None:
        why = f": {reason}" if reason else "."
        super().__init__(f"Rejected at the gate {gate} by {by.partition(':')[2] or by}{why}")
        self.gate, self.by, self.at, self.reason = gate, by, at, reason


class Diverged(Exception):
    """The handler asks for other steps than its run has recorded: its kind has changed meanwhile.

    No further step is run, whatever the handler makes of it. `recorded` is the step that the log
    has and `asked` the one that the handler asks for, where there is one.
    """

    recorded: StepKey | None = None
    asked: StepKey | None = None

    def __init__(
        self, message: str, recorded: StepKey | None = None, asked: StepKey | None = None
    ) -> None:
        self.recorded, self.asked = recorded, asked
        self.message = f"{message} Its kind has changed since the run began."
        super().__init__(self.message)


class TooManyEvents(Diverged):
    """The run has more events than a job may have: no further step is run, and the job fails."""

    def __init__(self, most: int) -> None:
        self.message = f"The job has more than {most:,} events, the most that a job may have."
        Exception.__init__(self, self.message)

    @classmethod
    def from_message(cls, message: str) -> TooManyEvents | None:
        """Return the error that a job failed with, None if that was another one."""
        digits = re.sub(r"\D", "", message)
        error = cls(int(digits)) if digits else None
        return error if error and message == error.message else None


class Cancelled(Exception):
    """Somebody asked for the run to stop; a handler may say in a sentence how things stand."""


class Leaving(BaseException):
    """The run leaves this worker and goes on later, from its log.

    No `Exception`, as `asyncio.CancelledError` is none: a handler that catches whatever its steps
    raise must not take this for a failure.
    """


class HandedOver(Leaving):
    """This worker is shutting down: the run goes on elsewhere."""


class Parked(Leaving):
    """The run waits for a moment or a word, or is paused: no worker is needed meanwhile."""


SIGNALS = (LeaseLost, Diverged, HandedOver, asyncio.CancelledError, Parked)
"""What decides about a run whatever else was raised with it, the foremost first."""


def foremost_error(
    errors: Iterable[BaseException], kinds: Sequence[type[BaseException]] = SIGNALS
) -> BaseException | None:
    """Return the first error of the first of these kinds; None if there is none."""
    raised = list(errors)
    return next((one for kind in kinds for one in raised if isinstance(one, kind)), None)
