"""A step while it runs: what its function is given, and its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from types import MappingProxyType
from typing import Any

from core.errors import NotNow
from jobs.events import EventType, NewEvent
from jobs.events.fold import RUNNING
from jobs.log import Appended, LeaseLost
from jobs.run.attempt import Attempt
from jobs.run.output import Output
from jobs.run.run_log import may_defer
from jobs.secrets import Secret
from jobs.secrets.vault import OpenCredential

StepFn = Callable[["Step"], Any]
# A wait for a place that is shorter is not worth two events.
SAID_SECONDS = 1.0
_RUNNING = frozenset({RUNNING})


class TimeLimit:
    """Raises TimeoutError in the block that it is around, after so many seconds of work.

    It stands still while the step waits for its turn somewhere.
    """

    def __init__(self, seconds: float | None) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._waits = 0
        self._waited = 0.0
        self._held_at = 0.0
        self._when: float | None = None  # it would have been up, had nothing waited

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        await self._timeout.__aexit__(*raised)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._timeout.expired()

    @property
    def seconds(self) -> float:
        """How long the step has worked, to the millisecond."""
        now = self._held_at if self._waits else self._clock()
        return round(now - self._began - self._waited, 3)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have no time pass meanwhile; several may wait at once, in tasks of their own."""
        self._change_hold(+1)
        try:
            yield
        finally:
            self._change_hold(-1)

    def _change_hold(self, more: int) -> None:
        before, self._waits, now = self._waits, self._waits + more, self._clock()
        if not before:
            self._held_at = now
            self._when = self._timeout.when()
        elif not self._waits:
            self._waited += now - self._held_at
        else:
            return
        if self._when is not None and not self.is_over:
            late = now - self._held_at
            with suppress(RuntimeError):  # the block has been left, something of it goes on
                self._timeout.reschedule(None if self._waits else self._when + late)


class Step:
    """What a step's function gets: where it is, its environment, and a way to say things.

    `number` is the try's: 1, and one more after each that failed, in whatever attempt. `asked` is
    what its start says of what the handler asks for: `input`, `timeout`, `retry`.
    """

    def __init__(
        self,
        run: Attempt,
        name: str,
        target: str | None,
        occurrence: int,
        number: int = 1,
        asked: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.run = run
        self.name = name
        self.target = target
        self.occurrence = occurrence
        self.number = number
        self._asked = asked
        self.input = asked.get("input")
        self.env = run.env | {"REPRISE_STEP": name, "REPRISE_TARGET": target or ""}
        self._output = Output(self._step_event, run.append, run.vault.masks, run.output_quota)
        self._limit = TimeLimit(None)
        self._rest: list[NewEvent] = []
        self._beginning: asyncio.Task[Appended] | None = None
        self._said = False  # that it waits for a place
        self.is_over = False  # whether its end has been handed to the log

    def output(self, text: str, stream: str = "out") -> None:
        """Log output (`out` or `err`), from any thread; what comes within 50 ms goes together."""
        self._output.write(text, stream)

    def reveal(self, secret: Secret) -> str:
        """Return the value of a secret parameter or of a credential, for this step to use.

        Whatever the run says is masked: output, results, errors, messages, the worker's log. Pass
        it on in a command's environment, not in its arguments, which others on the machine can see.
        Raises `jobs.secrets.keys.SecretUnreadable` for what is no secret of this job.
        """
        return self.run.vault.reveal(secret)

    async def open_credential(self, name: str) -> OpenCredential:
        """Return a credential that a target names, if this job may use it, for its transport."""
        await self.run.open_credentials(name)
        return self.run.vault.opened(name)

    async def drain(self) -> None:
        """Wait where much output is waiting to be logged; for code that copies a stream."""
        await self._output.drain()

    async def progress(self, done: int, total: int) -> None:
        """Log how far the step is."""
        data = {"done": done, "total": total}
        await self.run.append([self._step_event(EventType.STEP_PROGRESSED, data)])

    @asynccontextmanager
    async def waiting(self, place: str) -> AsyncIterator[None]:
        """Wait for `place` (a host that has room) in here: the step's time limit stands still.

        A wait of more than a second is in the log: `step.started` for the place, and once more,
        without it, when the step goes on.
        """
        saying = asyncio.create_task(self._report_wait(place))
        with self._limit.held():
            try:
                yield
            except BaseException:
                saying.cancel()
                raise
            if not self._said:
                saying.cancel()
                return
            await saying
            self._said = False
            await self.begin()

    @property
    def seconds(self) -> float:
        """How long this try has worked, without what it waited for a place."""
        return self._limit.seconds

    @property
    def is_late(self) -> bool:
        """Whether its time limit is over."""
        return self._limit.is_over

    def limit(self, seconds: float | None) -> TimeLimit:
        """Return the limit to run this try under; it begins now."""
        self._limit = TimeLimit(seconds)
        return self._limit

    async def begin(self) -> None:
        """Log that a try begins."""
        await self.run.append([self._start_event])

    async def begin_next(self, always: bool) -> None:
        """Log that a try begins together with the end of the step before it, if that is deferred.

        Raises what a checkpoint raises where somebody has asked the run to stop since that end:
        then nothing begins.
        """
        if self.run.log.has_deferred and not always:
            self._beginning = self.run.log.start_append([self._start_event], _RUNNING)
            try:
                await asyncio.shield(self._beginning)
                return
            except NotNow:
                self.run.checkpoint()
            self._beginning = None
        await self.begin()

    async def has_begun(self) -> bool:
        """Return whether the start is written or will be; for a `begin_next` that was cancelled."""
        if self._beginning is None:
            return True
        await asyncio.wait({self._beginning})
        return self._beginning.exception() is None

    async def succeed(self, data: dict[str, Any]) -> None:
        """Log what output is left and that the try succeeded: at once, or with what follows."""
        if self.run.plain or self.run.is_asked_to_stop or not may_defer(data):
            return await self.end(EventType.STEP_SUCCEEDED, data)
        self._rest += await self._output.close()
        self.is_over = True
        self.run.log.defer(
            [*self._rest, self._step_event(EventType.STEP_SUCCEEDED, self._common | data)]
        )

    async def end(self, event_type: EventType, data: dict[str, Any]) -> None:
        """Log what output is left and how the try ended, in one append."""
        self._rest += await self._output.close()
        self.is_over = True  # from here on it is written, also where nobody waits for that
        try:
            await self.run.append([*self._rest, self._step_event(event_type, self._common | data)])
        except Exception:
            self.is_over = False  # it was refused: another ending may not be
            raise
        self._rest.clear()  # kept until then: an ending that is refused must not lose output

    async def _report_wait(self, place: str) -> None:
        await asyncio.sleep(SAID_SECONDS)
        self._said = True
        data = {**self._common, "for": "place", "place": place}
        with suppress(LeaseLost):  # the step's own next word meets it too
            await self.run.append([self._step_event(EventType.STEP_STARTED, data)])

    @property
    def _start_event(self) -> NewEvent:
        return self._step_event(EventType.STEP_STARTED, {**self._common, **self._asked})

    @property
    def _common(self) -> dict[str, Any]:
        return {"try": self.number, "occurrence": self.occurrence}

    def _step_event(self, event_type: EventType, data: dict[str, Any]) -> NewEvent:
        return NewEvent(event_type, data, self.name, self.target)
