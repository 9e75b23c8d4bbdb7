"""Quiet hours: on the clock of somebody's zone, over midnight and through changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.notices.quiet import quiet_end

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = datetime(2025, 1, 1), datetime(2027, 12, 31)  # noqa: DTZ001 - hypothesis adds it


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


@pytest.mark.parametrize(
    ("moment", "start", "end", "wanted"),
    [
        ("01-10T20:59", time(22), time(7), "01-10T20:59"),
        ("01-10T21:00", time(22), time(7), "01-11T06:00"),
        ("01-11T05:59", time(22), time(7), "01-11T06:00"),
        ("01-11T06:00", time(22), time(7), "01-11T06:00"),
        ("01-10T11:30", time(12), time(13), "01-10T12:00"),
        ("01-10T12:30", time(12), time(13), "01-10T12:30"),
        ("01-10T12:30", time(9), time(9), "01-10T12:30"),
        # The clock is put forward from 2:00 to 3:00, and back from 3:00 to 2:00.
        ("03-28T22:00", time(22), time(7), "03-29T05:00"),
        ("10-24T21:00", time(22), time(7), "10-25T06:00"),
        ("10-25T00:45", time(2), time(2, 50), "10-25T00:50"),
        ("10-25T01:45", time(2), time(2, 50), "10-25T01:50"),
    ],
)
def test_a_notice_in_quiet_hours_comes_at_their_end(
    moment: str, start: time, end: time, wanted: str
) -> None:
    assert quiet_end(utc(moment), start, end, BERLIN) == utc(wanted)


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_the_end_is_never_before_and_within_a_day(
    moment: datetime, start: time, end: time, zone: str
) -> None:
    found = quiet_end(moment, start, end, ZoneInfo(zone))
    assert 0 <= (found - moment).total_seconds() <= 25 * 3600
