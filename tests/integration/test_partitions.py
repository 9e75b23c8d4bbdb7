"""Months of events: made ahead, and complained about when missing."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection
from django.test import Client

from jobs.log import months
from tests.support.services import Services, with_database
from tests.support.sweeps import keep_house

pytestmark = pytest.mark.usefixtures("database")


def test_months_are_there_and_making_them_again_is_harmless() -> None:
    assert months.make_ahead() == []
    assert months.missing_partitions() == []


def test_a_next_month_that_is_missing_is_told_and_made(services: Services, database: str) -> None:
    *_, this, following, _later = months.partition_names()
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(with_database(services.postgres.superuser_url, name)) as owner:
        owner.execute(f"drop table {following}")
    assert months.missing_partitions() == [following] != [this]
    told = Client(headers={"Host": "localhost"}).get("/readyz")
    assert told.status_code == 503
    assert following in told.json()["partitions"]["problem"]
    keep_house()
    assert months.missing_partitions() == []


def test_the_application_may_make_a_month_but_drop_none() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select jobs_make_month('2031-05-17')")
        assert cursor.fetchone() == ("jobs_event_2031_05",)
    assert "jobs_event_2031_05" in months.partition_names()
    with pytest.raises(Exception, match="must be owner"), connection.cursor() as cursor:
        cursor.execute("drop table jobs_event_2031_05")
