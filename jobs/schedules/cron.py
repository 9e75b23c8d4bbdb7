"""The moments of a cron expression in a time zone, as Debian's cron has them. Pure.

What an expression means is crontab(5), and nothing beyond it. Where a clock is changed:

- A *fixed* expression (neither its minute nor its hour begins with `*`) runs once for each local
  time that it names. One that the clock leaves out comes when the gap ends, one that is repeated
  comes the first time.
- Any other runs whenever the local clock shows one of its times: in both of the repeated hours, in
  none that is left out. Where less than an hour is left out (Lord Howe), an hour that would lose
  all its runs has one when the gap ends: cron itself loses that one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import RepriseError

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# The 29th of February is on the same weekday every 28 years, or 40 over a year like 2100.
LONGEST_WAIT = 41 * 366
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER = "[0-9]{1,9}|[a-z]{3}"
_ITEM = re.compile(rf"(?:\*|({_NUMBER})(?:-({_NUMBER}))?)(?:/([0-9]{{1,9}}))?", re.ASCII)


class BadSchedule(RepriseError):
    """Invalid cron expression or time zone."""

    code = "bad_schedule"
    status = 422


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: the numbers that it takes, and names of the first of them."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def numbers(self, text: str) -> frozenset[int]:
        """Return the numbers that a list means. Raises BadSchedule."""
        return frozenset(number for item in text.split(",") for number in self._parse_range(item))

    def _parse_range(self, item: str) -> range:
        found = _ITEM.fullmatch(item)
        if found is None:
            raise self._bad_item(item, self._explain_item(item))
        first, last, step = found.groups()
        if step is not None and int(step) == 0:
            raise self._bad_item(item, "a step is at least 1")
        if first is None:
            return range(self.low, self.high + 1, int(step or 1))
        if step is not None and last is None:
            raise self._bad_item(item, f"a step needs a range: {first}-{self.high}/{step}")
        start, stop = self._parse_number(first), self._parse_number(last or first)
        if start > stop:
            raise self._bad_item(item, "a range goes upwards")
        return range(start, stop + 1, int(step or 1))

    def _parse_number(self, word: str) -> int:
        if word in self.names:
            return self.names.index(word) + self.low
        if not word.isdigit():
            raise self._bad_item(word, self._explain_item(word))
        if not self.low <= int(word) <= self.high:
            raise self._bad_item(word, f"not from {self.low} to {self.high}")
        return int(word)

    def _explain_item(self, item: str) -> str:
        if item[:1] in {"r", "h"}:
            return "no moments by chance (R) or by a hash (H): every sweeper has to find the same"
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"takes numbers from {self.low} to {self.high}{names}, *, ranges, steps, lists"

    def _bad_item(self, item: str, problem: str) -> BadSchedule:
        return BadSchedule(f"{self.name} {item!r}: {problem}.")


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. `either`: the day or the weekday is enough; 7 is Sunday as 0 is."""

    times: tuple[time, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    fixed: bool

    def dates(self, start: date, step: int = 1) -> Iterator[date]:
        """Yield the days from `start` on, itself included; with the step -1 back from it."""
        for number in range(LONGEST_WAIT):
            day = start + timedelta(days=step * number)
            if day.month in self.months and self._has_day(day):
                yield day

    def moments(self, day: date, zone: ZoneInfo) -> list[datetime]:
        """Return the moments (UTC) of a local day."""
        midnight = datetime.combine(day, time())
        walls = [datetime.combine(day, at) for at in self.times]
        start, end = _as_utc(midnight, zone, 0), _as_utc(midnight + DAY, zone, 1)
        if end - start == DAY and _as_utc(midnight, zone, 1) == start:  # the clock is left alone
            return [start + (wall - midnight) for wall in walls]
        return [moment for wall in walls for moment in self._day_moments(wall, zone)]

    def _has_day(self, day: date) -> bool:
        found = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return any(found) if self.either else all(found)

    def _day_moments(self, wall: datetime, zone: ZoneInfo) -> list[datetime]:
        early, late = (_as_utc(wall, zone, fold) for fold in (0, 1))
        if early == late:
            return [early]
        if early < late:
            return [early] if self.fixed else [early, late]
        # In a gap it is the other way round (PEP 495): fold 0 counts on from before it.
        lost = early - late < HOUR and not any(
            _wall_exists(wall.replace(minute=at.minute), zone)
            for at in self.times
            if at.hour == wall.hour
        )
        return [_gap_end(late, early, zone)] if self.fixed or lost else []


def next_moment(cron: str, zone: str, after: datetime) -> datetime:
    """Return the first moment after `after` that an expression means in a time zone, in UTC.

    Raises BadSchedule if one of the two is no such thing, or the moment never comes.
    """
    parsed, place = parse_cron(cron), zone_of(zone)
    later: list[datetime] = []
    try:
        for day in parsed.dates(after.astimezone(place).date() - DAY):
            enough = bool(later)
            later += [moment for moment in parsed.moments(day, place) if moment > after]
            if enough:  # one day more, since a repeated hour may reach back over midnight
                break
    except OverflowError:  # the calendar ends
        pass
    if not later:
        raise BadSchedule(f"The moment {cron!r} never comes.")
    return min(later)


def next_moments(cron: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next `count` moments after `after`; fewer where the calendar ends.

    Raises BadSchedule if there is none.
    """
    found = [next_moment(cron, zone, after)]
    while len(found) < count:
        try:
            found.append(next_moment(cron, zone, found[-1]))
        except BadSchedule:
            break
    return found


def moments_between(cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the moments from `start` on and before `end`, in order. Raises BadSchedule."""
    parsed, place = parse_cron(cron), zone_of(zone)
    found: list[datetime] = []
    for day in parsed.dates(start.astimezone(place).date() - DAY):
        if datetime.combine(day, time(), UTC) > end + DAY:
            break
        found += [at for at in parsed.moments(day, place) if start <= at < end]
    return sorted(found)


def latest_moment(cron: str, zone: str, first: datetime, until: datetime) -> datetime:
    """Return the last moment of an expression from `first`, one of them, to `until`."""
    parsed, place = parse_cron(cron), zone_of(zone)
    found = first
    for day in parsed.dates(until.astimezone(place).date() + DAY, -1):
        if datetime.combine(day, time(), UTC) < found - 2 * DAY:
            break
        found = max(found, *(at for at in parsed.moments(day, place) if at <= until), first)
    return found


@lru_cache(maxsize=1000)
def parse_cron(cron: str) -> Cron:
    """Return an expression of five fields, as crontab(5) has them; BadSchedule for another."""
    fields = cron.lower().split()
    if len(fields) != len(FIELDS):
        raise BadSchedule("A cron expression has five fields: minute hour day month weekday.")
    minutes, hours, days, months, weekdays = (
        field.numbers(text) for field, text in zip(FIELDS, fields, strict=True)
    )
    star = [text.startswith("*") for text in fields]
    return Cron(
        times=tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either=not (star[2] or star[4]),
        fixed=not (star[0] or star[1]),
    )


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of this name, `Europe/Berlin`; BadSchedule for another name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule(f"There is no time zone {name!r}.") from None


def _as_utc(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _wall_exists(wall: datetime, zone: ZoneInfo) -> bool:
    return _as_utc(wall, zone, 0) <= _as_utc(wall, zone, 1)


def _gap_end(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment, between these two, at which the clock is put forward."""

    def ahead(seconds: int) -> timedelta:
        local = (before + timedelta(seconds=seconds)).astimezone(zone)
        return local.utcoffset() or timedelta()

    seconds = range(int((after - before).total_seconds()) + 1)
    return before + timedelta(seconds=bisect_right(seconds, ahead(0), key=ahead))
