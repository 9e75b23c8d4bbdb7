"""Cron expressions: as crontab(5) has them, and minute by minute where clocks are changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.schedules import cron
from jobs.schedules.cron import BadSchedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)

# (zone, a moment some hours before its clock is changed): by an hour forward and back, by half an
# hour, at a quarter to, over midnight, a month long, by a whole day, never.
CHANGES = [
    ("America/New_York", "2026-03-08T00:00Z"),
    ("America/New_York", "2026-11-01T00:00Z"),
    ("Europe/London", "2026-03-28T18:00Z"),
    ("Europe/London", "2026-10-24T18:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T10:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T10:00Z"),
    ("Pacific/Chatham", "2026-09-26T09:00Z"),
    ("Pacific/Chatham", "2026-04-04T09:00Z"),
    ("Africa/Casablanca", "2026-02-14T20:00Z"),
    ("Africa/Casablanca", "2026-03-21T20:00Z"),
    ("America/Havana", "2026-11-01T00:00Z"),
    ("America/Asuncion", "2024-03-23T18:00Z"),
    ("America/St_Johns", "2010-11-06T18:00Z"),
    ("Asia/Beirut", "2026-03-28T14:00Z"),
    ("Pacific/Apia", "2011-12-29T22:00Z"),
    ("Asia/Kolkata", "2026-03-08T00:00Z"),
]


def moments(expression: str, zone: str, after: datetime, count: int = 12) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count:
        found.append(cron.next_moment(expression, zone, found[-1] if found else after))
    return found


def days(expression: str) -> list[str]:
    return [f"{moment:%a %d}" for moment in moments(expression, "UTC", START, 6)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # One of the two begins with `*`: both must match. Debian's cron, entry.c and cron.c.
        ("0 9 */2 * 1", ["Mon 09", "Mon 23", "Mon 07", "Mon 21", "Mon 11", "Mon 25"]),
        ("0 9 1-7 * */6", ["Sun 01", "Sat 07", "Sat 05", "Sun 06", "Sat 02", "Sun 03"]),
        ("0 9 *,1 * 1", ["Mon 02", "Mon 09", "Mon 16", "Mon 23", "Mon 30", "Mon 07"]),
        # Neither does: one of them is enough.
        ("30 4 1,15 * 5", ["Sun 01", "Fri 06", "Fri 13", "Sun 15", "Fri 20", "Fri 27"]),
        ("0 9 1,* * 1", ["Sun 01", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"]),
        ("0 0 1-7 * FRI", ["Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06", "Sat 07"]),
        ("0 0 * * 7", ["Sun 08", "Sun 15", "Sun 22", "Sun 29", "Sun 06", "Sun 13"]),
        ("0 0 * * 5-7", ["Fri 06", "Sat 07", "Sun 08", "Fri 13", "Sat 14", "Sun 15"]),
        ("0 0 * * sun-TUE", ["Mon 02", "Tue 03", "Sun 08", "Mon 09", "Tue 10", "Sun 15"]),
        ("0 0 10-10/5 * *", ["Tue 10", "Thu 10", "Sun 10", "Wed 10", "Wed 10", "Sat 10"]),
        ("0 0 29 feb *", ["Tue 29", "Sun 29", "Fri 29", "Wed 29", "Mon 29", "Sat 29"]),
    ],
)
def test_days_are_those_of_crontab(expression: str, expected: list[str]) -> None:
    assert days(expression) == expected


def test_steps_go_from_the_beginning_of_their_range() -> None:
    found = moments("*/25 0-9/4 * * *", "UTC", START - MINUTE, 10)
    assert [f"{moment:%H:%M}" for moment in found] == [
        "00:00", "00:25", "00:50", "04:00", "04:25", "04:50", "08:00", "08:25", "08:50", "00:00",
    ]  # fmt: skip
    assert moments("*/100 * * * *", "UTC", START, 2) == [START + HOUR, START + 2 * HOUR]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("R * * * *", "minute 'r': no moments by chance (R)"),
        ("0 R * * *", "hour 'r': no moments by chance"),
        ("r(0-5) * * * *", "minute 'r(0-5)': no moments by chance"),
        ("H H * * *", "or by a hash (H)"),
        ("H/15 * * * *", "or by a hash (H)"),
        ("60 * * * *", "minute '60': not from 0 to 59"),
        ("0 24 * * *", "hour '24': not from 0 to 23"),
        ("0 0 0 * *", "day '0': not from 1 to 31"),
        ("0 0 32 * *", "day '32': not from 1 to 31"),
        ("0 0 * 13 *", "month '13': not from 1 to 12"),
        ("0 0 * * 8", "weekday '8': not from 0 to 7"),
        ("0 0 * * 1-9", "weekday '9': not from 0 to 7"),
        ("50-10 * * * *", "minute '50-10': a range goes upwards"),
        ("0 0 * * fri-sun", "weekday 'fri-sun': a range goes upwards"),
        ("*/0 * * * *", "minute '*/0': a step is at least 1"),
        ("5/15 * * * *", "minute '5/15': a step needs a range: 5-59/15"),
        ("0 0 L * *", "day 'l': takes numbers from 1 to 31"),
        ("0 0 15W * *", "day '15w': takes"),
        ("0 0 LW * *", "day 'lw': takes"),
        ("0 0 ? * *", "day '?': takes"),
        ("0 0 * * 5#2", "weekday '5#2': takes numbers from 0 to 7 or sun to sat"),
        ("0 0 * * 5L", "weekday '5l': takes"),
        ("0 0 * may-xyz *", "month 'xyz': takes numbers from 1 to 12 or jan to dec"),
        ("0 0 * january *", "month 'january': takes"),
        ("1, * * * *", "minute '': takes"),
        ("1,,2 * * * *", "minute '': takes"),
        ("5- * * * *", "minute '5-': takes"),
        ("-5 * * * *", "minute '-5': takes"),
        ("+5 * * * *", "minute '+5': takes"),
        ("1.5 * * * *", "minute '1.5': takes"),
        ("*-5 * * * *", "minute '*-5': takes"),
        ("٣ * * * *", "minute '٣': takes"),
        ("* * * *", "five fields"),
        ("0 * * * * *", "five fields"),
        ("0 0 1 1 * 2027", "five fields"),
        ("@reboot", "five fields"),
        ("@daily", "five fields"),
        ("", "five fields"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
    ],
)
def test_what_crontab_does_not_have_is_refused_in_words(expression: str, says: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        cron.next_moment(expression, "UTC", START)
    assert says in refused.value.message


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../etc", "", "Europe", "a\0b", "x" * 300, "\ud800"]
)
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule, match="no time zone"):
        cron.next_moment("0 3 * * *", zone, START)


def test_the_end_of_the_calendar_is_refused() -> None:
    with pytest.raises(BadSchedule, match="never comes"):
        cron.next_moment("0 0 1 1 *", "UTC", datetime(9999, 12, 31, tzinfo=UTC))


LORD_HOWE, BERLIN = "Australia/Lord_Howe", "Europe/Berlin"


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # 02:00 becomes 02:30: that hour has its run all the same.
        ("0 * * * *", LORD_HOWE, "2026-10-03T14:00Z", ["01:00", "02:30", "03:00", "04:00"]),
        ("15 * * * *", LORD_HOWE, "2026-10-03T14:00Z", ["01:15", "02:30", "03:15", "04:15"]),
        ("0 */2 * * *", LORD_HOWE, "2026-10-03T13:00Z", ["00:00", "02:30", "04:00", "06:00"]),
        ("15,45 * * * *", LORD_HOWE, "2026-10-03T14:40Z", ["01:15", "01:45", "02:45", "03:15"]),
        # 02:00 becomes 01:30.
        ("0 * * * *", LORD_HOWE, "2026-04-04T13:30Z", ["01:00", "02:00", "03:00", "04:00"]),
        ("45 * * * *", LORD_HOWE, "2026-04-04T13:30Z", ["00:45", "01:45", "01:45", "02:45"]),
        ("*/10 3 * * *", LORD_HOWE, "2026-04-04T13:30Z", ["03:00", "03:10", "03:20", "03:30"]),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00Z", ["03:00", "02:30", "02:30", "02:30"]),
        ("10,30 2 * * *", BERLIN, "2026-03-29T00:00Z", ["03:00", "02:10", "02:30", "02:10"]),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00Z", ["02:30", "02:30", "02:30", "02:30"]),
        ("*/30 2 * * *", BERLIN, "2026-10-24T12:00Z", ["02:00", "02:30", "02:00", "02:30"]),
        ("30 * * * *", BERLIN, "2026-03-29T00:00Z", ["01:30", "03:30", "04:30", "05:30"]),
        # The whole of 30 December 2011 was left out there.
        ("0 3 * * *", "Pacific/Apia", "2011-12-29T12:30Z", ["03:00", "00:00", "03:00", "03:00"]),
    ],
)  # fmt: skip
def test_clocks_that_are_changed(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    found = moments(expression, zone, datetime.fromisoformat(after), 4)
    assert [f"{moment.astimezone(ZoneInfo(zone)):%H:%M}" for moment in found] == expected


def oracle(expression: str, zone: str, start: datetime, stop: datetime) -> Iterator[datetime]:
    """Yield the moments of an expression after `start`, by looking at every minute.

    A wild one runs when the local clock shows its time; or when the clock has just been put forward
    by less than an hour, over the only times that it has in an hour. A fixed one runs for every
    minute that the local clock has gone on by, and waits while the clock catches up with itself.
    """
    place, parsed = ZoneInfo(zone), cron.parse_cron(expression)
    shown = {wall for _, wall in walls(place, start, stop)}
    newest = start.astimezone(place).replace(tzinfo=None)
    for moment, wall in walls(place, start, stop):
        passed = [newest + number * MINUTE for number in range(1, int((wall - newest) / MINUTE))]
        mine = has(parsed, wall)
        if parsed.fixed:
            mine = wall > newest and (mine or any(has(parsed, one) for one in passed))
        elif 0 < len(passed) < 59:
            mine |= any(has(parsed, one) and alone(parsed, one, shown) for one in passed)
        if mine:
            yield moment
        newest = max(newest, wall)


def walls(zone: ZoneInfo, start: datetime, stop: datetime) -> Iterator[tuple[datetime, datetime]]:
    for number in range(1, int((stop - start) / MINUTE) + 1):
        moment = start + number * MINUTE
        yield moment, moment.astimezone(zone).replace(tzinfo=None)


def has(parsed: cron.Cron, wall: datetime) -> bool:
    """Whether an expression names a local minute; its fields are checked above."""
    day = wall.day in parsed.days, wall.isoweekday() % 7 in parsed.weekdays
    fits = (day[0] or day[1]) if parsed.either else (day[0] and day[1])
    return fits and wall.month in parsed.months and wall.time().replace(fold=0) in parsed.times


def alone(parsed: cron.Cron, wall: datetime, shown: set[datetime]) -> bool:
    hour = wall.replace(minute=0)
    return not any(
        has(parsed, one) and one in shown
        for one in (hour + number * MINUTE for number in range(60))
    )


def items(low: int, high: int, *, star: bool = True) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    step = st.integers(1, 30)
    found = [number.map(str), pair.map(lambda one: f"{one[0]}-{one[1]}")]
    found.append(st.tuples(pair, step).map(lambda one: f"{one[0][0]}-{one[0][1]}/{one[1]}"))
    if star:
        found += [st.just("*"), step.map(lambda one: f"*/{one}")]
    return st.one_of(found)


def lists(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(items(low, high), min_size=1, max_size=2).map(",".join)


expressions = st.tuples(
    lists(0, 59),
    st.one_of(st.just("*"), lists(0, 4), lists(0, 23)),
    st.one_of(st.just("*"), lists(1, 31)),
    st.just("*"),
    st.one_of(st.just("*"), lists(0, 7)),
).map(" ".join)


@given(
    expression=expressions,
    change=st.sampled_from(CHANGES),
    minutes=st.lists(st.integers(0, 20 * 60), min_size=4, max_size=4),
)
def test_moments_are_those_that_a_look_at_every_minute_finds(
    expression: str, change: tuple[str, str], minutes: list[int]
) -> None:
    zone, start = change[0], datetime.fromisoformat(change[1])
    expected = list(oracle(expression, zone, start, start + DAY))
    for moment in (start + number * MINUTE for number in minutes):
        later = [one for one in expected if one > moment]
        assert not later or cron.next_moment(expression, zone, moment) == later[0]
        if past := expected[: len(expected) - len(later)]:
            assert cron.latest_moment(expression, zone, past[0], moment) == past[-1]
