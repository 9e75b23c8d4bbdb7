"""Addresses with several database servers: the one that takes writes is found, and left again."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import OperationalError, connection

from core.config_values import check_database_url, database_settings
from core.pool import OPTIONS
from jobs import log
from jobs.log import AsyncReader
from jobs.models import Team
from ops.embedded import ports
from tests.support.django_servers import using_database
from tests.support.factories import ATTEMPT, make_job
from tests.support.services import Services, with_database


@pytest.fixture
def address(database: str) -> str:
    """The database behind a host where nothing listens."""
    parts = urlsplit(database)
    login, _, _ = parts.netloc.rpartition("@")
    gone = f"{login}@127.0.0.1:{ports.free()},127.0.0.1:{parts.port}"
    return check_database_url(f"postgresql://{gone}{parts.path}")


@pytest.fixture(params=["pooled", "own"])
def several(request: pytest.FixtureRequest, address: str) -> Iterator[str]:
    """Django on that address, with a pool and without."""
    options = {**database_settings(address)["OPTIONS"]}  # type: ignore[dict-item]  # a dict
    if request.param == "pooled":
        options["pool"] = OPTIONS
    with using_database(address, OPTIONS=options):
        yield address


@pytest.mark.usefixtures("several")
def test_a_host_that_is_gone_is_passed_over() -> None:
    assert make_job(events=[ATTEMPT]).head == 2


async def test_so_does_the_reader_of_followers(address: str, database: str) -> None:
    async with AsyncReader(address) as reader:
        assert await reader.heads([]) == {}


@pytest.mark.usefixtures("several")
def test_a_server_that_takes_no_writes_any_more_is_left() -> None:
    job = make_job()
    with connection.cursor() as cursor:
        cursor.execute("set default_transaction_read_only = on")
        with pytest.raises(OperationalError, match="read-only"):
            cursor.execute("delete from jobs_team")
    connection.close_if_unusable_or_obsolete()
    Team.objects.create(name="red")  # another session
    assert log.append(job.pk, [ATTEMPT], actor="worker:w").last == 2


def test_a_server_that_is_read_only_is_passed_over(
    services: Services, database: str, address: str
) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(
        with_database(services.postgres.superuser_url, name), autocommit=True
    ) as owner:
        owner.execute(f'alter database "{name}" set default_transaction_read_only = on'.encode())
        with pytest.raises(psycopg.OperationalError, match="read-only"):
            psycopg.connect(address)


def test_one_server_that_is_read_only_still_says_so_itself(database: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set default_transaction_read_only = on")
        with pytest.raises(Exception, match="read-only") as refused:
            cursor.execute("delete from jobs_team")
    assert not isinstance(refused.value, OperationalError)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's
