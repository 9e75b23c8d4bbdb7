"""Months of events: made ahead, and complained about when missing."""

from __future__ import annotations

import pytest
from django.db import connection

from jobs.log import partitions

pytestmark = pytest.mark.usefixtures("database")


def test_months_are_there_and_making_them_again_is_harmless() -> None:
    assert partitions.make_ahead() == []
    assert partitions.missing() == []


def test_the_application_may_make_a_month_but_drop_none() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select jobs_make_month('2031-05-17')")
        assert cursor.fetchone() == ("jobs_event_2031_05",)
    assert "jobs_event_2031_05" in partitions.months()
    with pytest.raises(Exception, match="must be owner"), connection.cursor() as cursor:
        cursor.execute("drop table jobs_event_2031_05")
