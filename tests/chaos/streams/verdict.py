"""What came of a series: every follower's history beside the log, and the delays by window."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tests.chaos.rows import Rows
from tests.chaos.streams import account
from tests.chaos.streams.account import Account
from tests.chaos.streams.crowd import Ended
from tests.chaos.streams.crowd import Planned as Following
from tests.chaos.streams.history import History, fingerprint
from tests.chaos.streams.lags import Lag, Window, Windows
from tests.chaos.streams.series import Course, Struck

#: What was appended so shortly before a fault may still have been on its way.
UNDER_WAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Log:
    """A job's log: of the events 1, 2, … the fingerprint, and when each was appended."""

    prints: Sequence[int]
    times: Sequence[float]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Log:
        """Return the log that these stored events are."""
        return cls(
            [fingerprint(text.encode()) for text in texts],
            [datetime.fromisoformat(json.loads(text)["at"]).timestamp() for text in texts],
        )


@dataclass(frozen=True, slots=True)
class Follower:
    """One follower: what it was to follow, how that ended, and its account."""

    planned: Following
    ended: Ended
    account: Account

    @property
    def wrong(self) -> list[str]:
        """What is wrong with it, in words."""
        counts = {
            "lost": self.account.lost,
            "doubled": self.account.doubled,
            "out of order": self.account.disordered,
            "foreign": self.account.foreign,
            "doubled on the way": self.ended.doubled,
            "holes on the way": self.ended.holes,
        }
        reported = [f"{count} {what}" for what, count in counts.items() if count]
        return reported + ([f"ended by {self.ended.trouble}"] if self.ended.trouble else [])


@dataclass(frozen=True, slots=True)
class Felt:
    """A fault as the followers felt it.

    `during`: the delays of what was appended from a second before it until it was over; `after`:
    from then until all was well. `recovery`: from its end until every follower had an event that
    was appended after that, and the last event that was late for more than a second; seconds.
    """

    struck: Struck
    during: Lag
    after: Lag
    recovery: float
    bound: float

    @property
    def wrong(self) -> list[str]:
        """What is wrong, in words."""
        reported = [] if self.struck.recovered else ["not all was well again in time"]
        if self.struck.planned.bounded and self.during.longest > self.bound:
            reported.append(f"an event came after {self.during.longest:.2f} s")
        return reported


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that came of a series."""

    course: Course
    followers: Sequence[Follower]
    felt: Sequence[Felt]
    calm: Lag
    seconds: Sequence[tuple[int, Lag]]
    events: int
    rate: float
    whole: Sequence[str]

    @property
    def account(self) -> Account:
        """All followers' together."""
        return sum((one.account for one in self.followers), Account())

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        followers = any(one.wrong for one in self.followers)
        return not (self.whole or followers or any(one.wrong for one in self.felt))


def of(rows: Rows, course: Course, bound: float) -> Verdict:
    """Judge a course by the log."""
    logs = {job: Log.of(rows.texts(job)) for job in course.jobs}
    whole = [*course.troubles]
    whole += [f"job {job}: {reported}" for job in course.jobs if (reported := rows.broken(job))]
    windows = _Windows(course)
    followers = [
        _follower(planned, ended, logs, course, windows.all)
        for planned, ended in zip(course.followers, course.ended, strict=True)
    ]
    return Verdict(
        course, followers, windows.felt(bound), windows.calm(), windows.all.by_second(),
        sum(len(log.prints) for log in logs.values()), _rate(logs, windows.calms), whole,
    )  # fmt: skip


def _follower(
    planned: Following, ended: Ended, logs: Mapping[UUID, Log], course: Course, windows: Windows
) -> Follower:
    log = logs[UUID(planned.url.rpartition("/")[2])]
    history = History.read(course.histories / str(planned.number))
    windows.take(log.times, history.seqs, history.times)
    return Follower(planned, ended, account.of(log.prints, history.seqs, history.prints))


class _Windows:
    """The windows of a course: each fault, from then until all was well, and the calm between."""

    def __init__(self, course: Course) -> None:
        self._struck = course.struck
        starts = [one.began - UNDER_WAY_SECONDS for one in course.struck]
        ends = [one.ended for one in course.struck]
        self._during = [Window(*both) for both in zip(starts, ends, strict=True)]
        self._after = [Window(one.ended, one.well) for one in course.struck]
        begins = [course.began, *(one.well for one in course.struck)]
        calm_ends = [*starts, course.closed]
        self.calms = [Window(*both) for both in zip(begins, calm_ends, strict=True)]
        self.all = Windows([*self._during, *self._after, *self.calms])

    def felt(self, bound: float) -> list[Felt]:
        return [
            Felt(struck, during.lag, after.lag, _recovery(struck, during, after), bound)
            for struck, during, after in zip(self._struck, self._during, self._after, strict=True)
        ]

    def calm(self) -> Lag:
        return Lag.of([lag for window in self.calms for lag in window.lags])


def _recovery(struck: Struck, during: Window, after: Window) -> float:
    last = max(during.last_late, after.last_late, after.all_served)
    return max(0.0, last - struck.ended)


def _rate(logs: Mapping[UUID, Log], calms: Sequence[Window]) -> float:
    """Return the events a second that were appended while nothing was broken."""
    seconds = sum(window.ends - window.begins for window in calms)
    appended = sum(
        any(window.begins <= at < window.ends for window in calms)
        for log in logs.values()
        for at in log.times
    )
    return appended / seconds if seconds else 0.0
