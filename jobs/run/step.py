"""A step while it runs: what its function is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobs.events import EventType, NewEvent
from jobs.output import Output
from jobs.secrets import Secret

if TYPE_CHECKING:
    from jobs.run.run import Run

StepFn = Callable[["Step"], Any]


class Step:
    """What a step's function gets: where it is, its environment, and a way to say things.

    `number` is the try's: 1, and one more after each that failed, in whatever attempt.
    """

    def __init__(
        self, run: Run, name: str, target: str | None, occurrence: int, number: int = 1
    ) -> None:
        self.run = run
        self.name = name
        self.target = target
        self.occurrence = occurrence
        self.number = number
        self.env = run.env | {"REPRISE_STEP": name, "REPRISE_TARGET": target or ""}
        self._output = Output(self._event, run.append, run.vault.masks)
        self._rest: list[NewEvent] = []

    def output(self, text: str, stream: str = "out") -> None:
        """Log output (`out` or `err`), from any thread; what comes within 50 ms goes together."""
        self._output.write(text, stream)

    def reveal(self, secret: Secret) -> str:
        """Return the value of a secret parameter, for this step to use.

        Whatever the run says is masked: output, results, errors, messages, the worker's log. Pass
        it on in a command's environment, not in its arguments, which others on the machine can see.
        Raises `jobs.secrets.keys.SecretUnreadable` for what is no secret of this job.
        """
        return self.run.vault.reveal(secret)

    async def drain(self) -> None:
        """Wait where much output is waiting to be logged; for whoever copies a stream."""
        await self._output.drain()

    async def progress(self, done: int, total: int) -> None:
        """Log how far the step is."""
        data = {"done": done, "total": total}
        await self.run.append([self._event(EventType.STEP_PROGRESSED, data)])

    async def begin(self) -> None:
        """Log that a try begins."""
        await self.run.append([self._event(EventType.STEP_STARTED, self._common)])

    async def end(self, event_type: EventType, data: dict[str, Any]) -> None:
        """Log what output is left and how the try ended, in one append."""
        self._rest += await self._output.close()
        await self.run.append([*self._rest, self._event(event_type, self._common | data)])
        self._rest.clear()  # kept until then: an ending that is refused must not lose output

    @property
    def _common(self) -> dict[str, Any]:
        return {"try": self.number, "occurrence": self.occurrence}

    def _event(self, event_type: EventType, data: dict[str, Any]) -> NewEvent:
        return NewEvent(event_type, data, self.name, self.target)
