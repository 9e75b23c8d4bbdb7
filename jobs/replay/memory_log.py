"""The log of one job in memory, written by the rules of the one in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from core import clock
from core.errors import NotNow
from jobs.events import Event, NewEvent
from jobs.events.fold import State, fold_all
from jobs.log import Append, Appended
from jobs.log.append import next_events


class MemoryLog:
    """One job's events and what they fold to; a run may append through it as through a writer."""

    def __init__(self, job: UUID, now: Callable[[], datetime]) -> None:
        self.job, self._now = job, now
        self.texts: list[str] = []
        self.events: list[Event] = []
        self.state = State()

    async def append(self, wish: Append) -> Appended:
        """As `jobs.log.append`."""
        if wish.statuses is not None and (status := self.state.summary.status) not in wish.statuses:
            raise NotNow(f"The job is {status}.", job_status=status)
        return self.add(wish.events, wish.actor)

    def add(self, events: Sequence[NewEvent], actor: str) -> Appended:
        """Append events, all of them or none; as `jobs.log.append`."""
        before = self.state.summary
        at = max(clock.rfc3339(self._now()), before.last_at or "")
        made = list(next_events(self.job, before, events, actor, at))
        texts = [text for _, text, _ in made]
        self.texts += texts
        self.events += [event for event, _, _ in made]
        self.state = fold_all(self.state, [event for event, _, _ in made])
        head = self.state.summary.head
        return Appended(self.job, before.head + 1, head, texts, self.state.summary.status)
