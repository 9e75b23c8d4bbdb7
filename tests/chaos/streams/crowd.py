"""Followers in a process of their own: what users have, the Python follower, and no Django.

    python -m tests.chaos.streams.crowd

reads one line of JSON, a `Plan`, and follows until every job has ended or its input does. Each
second it writes how things stand, a `Report`; at the end a history for each follower into the
folder of the plan, and as its last line how each of them ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from streams.client import Follower, FollowError, Given
from tests.chaos.streams.history import History

REPORT_SECONDS = 1.0
#: What is measured here is no storm.
PACE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Planned:
    """A follower to be: where its job is, and the transports that it may use."""

    number: int
    url: str
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to have follow what, with which token, and where to leave their histories. One begins
    `pace` seconds after the other."""

    token: str
    folder: str
    followers: Sequence[Planned]
    pace: float = PACE_SECONDS

    @classmethod
    def parse(cls, line: str) -> Plan:
        """Return the plan that a line of JSON is."""
        reported = json.loads(line)
        followers = [Planned(**one) for one in reported["followers"]]
        return cls(reported["token"], reported["folder"], followers, reported["pace"])


@dataclass(frozen=True, slots=True)
class Report:
    """The second that is over: events that came, and seconds: how late the latest of them came,
    and for how long that follower has had nothing to which nothing came longest."""

    events: int = 0
    late: float = 0.0
    silent: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How one follower ended: `trouble` says why where its job did not end it. `doubled` and
    `holes` came over its connections; the follower has healed them, but none is expected. It was
    on `transport` last, and followed from `began` to `over` (Unix times)."""

    number: int
    trouble: str
    doubled: int
    holes: int
    transport: str = ""
    began: float = 0.0
    over: float = 0.0


@dataclass(slots=True)
class One:
    """A follower, and what has come of it."""

    planned: Planned
    history: History = field(default_factory=History)
    last: float = field(default_factory=time.time)
    late: float = 0.0
    trouble: str = "still following"
    doubled: int = 0
    holes: int = 0
    transport: str = ""
    began: float = 0.0
    over: float = 0.0

    async def follow(self, token: str, wait: float) -> None:
        """Follow to the end."""
        await asyncio.sleep(wait)
        planned, self.began = self.planned, time.time()
        follower = Follower(
            planned.url, token=token, transports=planned.transports, trust_env=False
        )
        try:
            async with follower, aclosing(follower.stream()) as happenings:
                async for happening in happenings:
                    if isinstance(happening, Given):
                        self._take(happening, time.time())
            self.trouble = ""
        except FollowError as error:
            self.trouble = f"{error.code}: {error}"
        finally:
            self.over = time.time()
            info = follower.info
            self.doubled, self.holes = info.duplicates, info.gaps
            self.transport = info.transport or ""

    def _take(self, given: Given, now: float) -> None:
        appended = datetime.fromisoformat(given.events[0].at).timestamp()
        self.late = max(self.late, now - appended)
        self.history.take(given.events, now)
        self.last = now

    def ended(self) -> Ended:
        """Return how it ended."""
        return Ended(
            self.planned.number, self.trouble, self.doubled, self.holes,
            self.transport, self.began, self.over,
        )  # fmt: skip


class Crowd:
    """All followers of this process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._all = [One(planned) for planned in plan.followers]
        self._before = 0

    async def follow(self) -> None:
        """Follow until all have ended, or nobody is there to be told."""
        tasks = [
            asyncio.create_task(one.follow(self._plan.token, number * self._plan.pace))
            for number, one in enumerate(self._all)
        ]
        others = [asyncio.create_task(self._tell()), asyncio.create_task(until_told_to_leave())]
        following = asyncio.create_task(_all(tasks))
        await asyncio.wait([following, *others], return_when=asyncio.FIRST_COMPLETED)
        for task in (following, *others):
            task.cancel()
        await asyncio.wait([*tasks, following, *others])

    def leave(self) -> None:
        """Write the histories, and say how each has ended."""
        folder = Path(self._plan.folder)
        for one in self._all:
            one.history.write(folder / str(one.planned.number))
        say([asdict(one.ended()) for one in self._all])

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            say(asdict(self._report(time.time())))

    def _report(self, now: float) -> Report:
        events = sum(len(one.history.seqs) for one in self._all)
        late = max(one.late for one in self._all)
        silent = max((now - one.last for one in self._all if not one.over), default=0.0)
        for one in self._all:
            one.late = 0.0
        self._before, new = events, events - self._before
        return Report(new, late, silent)


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def until_told_to_leave() -> None:
    """Return once nothing is said on standard input any more."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, told.set)  # nothing is said any more: its end is all that can come
    try:
        await told.wait()
    finally:
        loop.remove_reader(sys.stdin)


def say(what: object) -> None:
    """Write a line of JSON."""
    print(json.dumps(what), flush=True)


async def main() -> None:
    """Do what the plan says."""
    crowd = Crowd(Plan.parse(sys.stdin.readline()))
    await crowd.follow()
    crowd.leave()


if __name__ == "__main__":
    asyncio.run(main())
