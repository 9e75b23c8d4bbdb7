"""A week of schedules as a calendar: each day's runs, in one time zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from core import clock
from jobs import schedules
from jobs.models import Schedule
from jobs.schedules import BadSchedule
from jobs.schedules.cron import zone_of

DAYS = timedelta(days=7)
# A schedule that runs oftener than this on a day has one line there.
MOST_RUNS = 4
MOST_SCHEDULES = 100
FIRST, LAST = date(2000, 1, 1), date(9998, 12, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of a schedule, or all `count` of a day: the local times of the first and the last."""

    schedule: Schedule
    first: datetime
    last: datetime
    count: int = 1

    @property
    def time(self) -> str:
        """The local time, or the first and the last: `02:00`, `00:00–23:55`."""
        times = dict.fromkeys(f"{at:%H:%M}" for at in (self.first, self.last))
        return "–".join(times)


@dataclass(slots=True)
class Day:
    """A day of the week and what runs then, by time."""

    date: date
    is_today: bool
    entries: list[Entry] = field(default_factory=list)


class WeekForm(forms.Form):
    """Which week, in which time zone. Where one of them is no such thing, this week in UTC."""

    start = forms.DateField(
        required=False, label="From", widget=forms.DateInput(attrs={"type": "date"})
    )
    zone = forms.CharField(required=False, max_length=64, label="Time zone")

    def clean_start(self) -> date | None:
        """Return the day; ValidationError for one that calendars do not reach."""
        start: date | None = self.cleaned_data["start"]
        if start and not FIRST <= start <= LAST:
            raise ValidationError("Enter a date within the years 2000 to 9998.")
        return start

    def clean_zone(self) -> str:
        """Return the zone; ValidationError for one that there is not."""
        zone: str = self.cleaned_data["zone"]
        try:
            zone_of(zone or "UTC")
        except BadSchedule as error:
            raise ValidationError(error.message) from error
        return zone

    @property
    def place(self) -> ZoneInfo:
        """The time zone."""
        self.is_valid()
        return zone_of(self.cleaned_data.get("zone") or "UTC")

    @property
    def first_day(self) -> date:
        """The Monday on or before the chosen day, or today."""
        self.is_valid()
        day: date = self.cleaned_data.get("start") or clock.now().astimezone(self.place).date()
        return day - timedelta(days=day.weekday())

    @property
    def neighbours(self) -> dict[str, Any]:
        """The first days of the weeks before and after."""
        return {"before": self.first_day - DAYS, "after": self.first_day + DAYS}


def plan_week(found: Iterable[Schedule], first: date, place: ZoneInfo) -> list[Day]:
    """Return the seven days from `first` on with the runs of schedules.

    One whose expression means nothing has none.
    """
    today = clock.now().astimezone(place).date()
    dates = [first + timedelta(days=number) for number in range(7)]
    days = {day: Day(day, day == today) for day in dates}
    start, end = (datetime.combine(day, time(), place) for day in (first, first + DAYS))
    for schedule in found:
        for entry in _entries(schedule, start, end, place):
            days[entry.first.date()].entries.append(entry)
    for day in days.values():
        day.entries.sort(key=lambda entry: (entry.first, entry.schedule.name))
    return list(days.values())


def _entries(
    schedule: Schedule, start: datetime, end: datetime, place: ZoneInfo
) -> Iterable[Entry]:
    span = start.astimezone(UTC), end.astimezone(UTC)
    try:
        moments = schedules.moments_between(schedule.cron, schedule.timezone, *span)
    except BadSchedule:
        return
    local = [moment.astimezone(place) for moment in moments]
    for _day, group in groupby(local, key=datetime.date):
        runs = list(group)
        if len(runs) > MOST_RUNS:
            yield Entry(schedule, runs[0], runs[-1], len(runs))
        else:
            yield from (Entry(schedule, run, run) for run in runs)
