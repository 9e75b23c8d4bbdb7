"""Append-only by the database: what the application's role, and what even a superuser cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from core import clock
from jobs import log
from jobs.log import months
from jobs.models import Seal, SealedHead
from ops.embedded import postgres
from ops.errors import CannotStart
from ops.setup.clone import ROOT
from tests.support.factories import ATTEMPT, make_job, make_user
from tests.support.feeding import feed_everything
from tests.support.services import Services, with_database

Connection = psycopg.Connection[tuple[object, ...]]

CHANGES = ("update {} set {column} = {column}", "delete from {}", "truncate {} cascade")
BEYOND_ROWS = (
    "drop table {} cascade",
    "alter table {} disable trigger all",
    "alter table {} disable trigger user",
    "alter table {} rename to elsewhere",
    "alter table {} owner to current_user",
    "create trigger mine before insert on {} for each row execute function jobs_refuse()",
    "create rule mine as on insert to {} do instead nothing",
)
EVERY = {"select", "insert", "update", "delete"}
ELSEWHERE = (
    "set session_replication_role = replica",
    "set role postgres",
    "drop trigger jobs_event_no_change on jobs_event",
    "alter table jobs_event disable trigger jobs_event_no_change",
    "alter table jobs_event detach partition {month}",
    "alter table jobs_event attach partition {month} default",
    "create or replace function jobs_refuse() returns trigger language sql as 'select null'",
    "drop function jobs_refuse cascade",
    "create table mine ()",
    "create function mine() returns int language sql as 'select 1'",
    "select jobs_restrict()",
    "select jobs_keep_rights('jobs_event', '{{}}')",
    "drop schema public cascade",
    "delete from jobs_job",
    "delete from django_migrations",
    "update pg_trigger set tgenabled = 'D'",
    "copy jobs_event to program 'true'",
    "alter role current_user superuser",
)


@pytest.fixture
def superuser(database: str, services: Services) -> Iterator[Connection]:
    """A superuser in this test's database."""
    address = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with psycopg.connect(address, autocommit=True) as found:
        yield found


@pytest.fixture
def application(database: str) -> Iterator[Connection]:
    """The application's own role there, with an event in the log and a seal."""
    job = make_job(events=[ATTEMPT])
    seal = Seal.objects.create(number=1, at=clock.now(), text="{}")
    SealedHead.objects.create(seal=seal, job=job.pk, seq=1, hash="0" * 64)
    with psycopg.connect(database, autocommit=True) as found:
        yield found
    assert [len(page) for page in log.read_history(job.pk)] == [2]
    assert SealedHead.objects.count() == Seal.objects.count() == 1


@contextmanager
def fresh_database(services: Services, name: str) -> Iterator[str]:
    """Make an empty database for the superuser, whose address is the value; dropped afterwards."""
    admin(services, "create database {}", name)
    try:
        yield with_database(services.postgres.superuser_url, name)
    finally:
        admin(services, "drop database {} with (force)", name)


def admin(services: Services, statement: str, name: str) -> None:
    with psycopg.connect(services.postgres.superuser_url, autocommit=True) as superuser:
        superuser.execute(sql.SQL(statement).format(sql.Identifier(name)))


def as_role(services: Services, url: str, role: str) -> str:
    """Return a database's address for another role, whose password is set for that."""
    admin(services, "alter role {} password 'secret'", role)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:secret@127.0.0.1:{parts.port}"))


def migrate(url: str, *target: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity", "0", *target]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)


def guarded() -> dict[str, str]:
    """Return every append-only table, each with the name of a column."""
    events = dict.fromkeys(["jobs_event", *months.partition_names()], "text")
    return {**events, "jobs_seal": "text", "jobs_sealedhead": "hash", "jobs_feed": "seq"}


def rights(of: Connection, role: str, table: str) -> set[str]:
    statement = "select p from unnest(%s::text[]) p where has_table_privilege(%s, %s, p)"
    names = [*EVERY, "truncate", "references", "trigger"]
    if of.info.server_version >= 170000:
        names.append("maintain")
    return {str(name) for (name,) in of.execute(statement, [names, role, table])}


@pytest.mark.parametrize("statement", [*CHANGES, *BEYOND_ROWS])
def test_the_application_can_only_read_and_append(statement: str, application: Connection) -> None:
    tables = guarded()
    assert len(tables) >= 4 + 3
    for table, column in tables.items():
        with pytest.raises(InsufficientPrivilege):
            application.execute(statement.format(table, column=column).encode())


@pytest.mark.parametrize("statement", ELSEWHERE)
def test_the_application_cannot_get_round_it(statement: str, application: Connection) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement.format(month=months.partition_names()[0]).encode())


def test_the_application_cannot_give_itself_rights(application: Connection) -> None:
    for table in guarded():
        application.execute(f"grant all on {table} to current_user".encode())  # a mere warning
        assert rights(application, "reprise", table) == {"select", "insert"}


@pytest.mark.parametrize("statement", CHANGES)
def test_a_superuser_meets_the_triggers(
    statement: str, superuser: Connection, application: Connection
) -> None:
    feed_everything()
    with connection.cursor() as cursor:
        cursor.execute("select distinct tableoid::regclass::text from jobs_event")
        [(month,)] = cursor.fetchall()
    for table, column in guarded().items():
        empty = table in months.partition_names() and table != month
        if empty and not statement.startswith("truncate"):
            continue  # a row trigger wants a row
        with pytest.raises(RestrictViolation, match="append-only"):
            superuser.execute(statement.format(table, column=column).encode())


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'other'", "title = 'other'", "params = '[]'", "labels = '[]'", "plan = '[]'",
        "team_id = 1", "owner_id = null", "submitted_by = 'user:eve'", "retry_of_id = id",
        "id = gen_random_uuid()",
    ],
)  # fmt: skip
def test_what_a_row_says_of_its_submission_stays(
    change: str, superuser: Connection, application: Connection
) -> None:
    make_job(make_user())
    for of in (application, superuser):
        with pytest.raises(RestrictViolation, match="what was submitted does not change"):
            of.execute(f"update jobs_job set {change}".encode())
        assert of.execute("update jobs_job set title = title, done = 7").rowcount


def test_snapshots_can_be_made_and_deleted_and_not_changed(application: Connection) -> None:
    application.execute("delete from jobs_snapshot")
    with pytest.raises(InsufficientPrivilege):
        application.execute("update jobs_snapshot set seq = 1")


def test_a_month_that_is_made_later_has_no_more_rights(
    database: str, superuser: Connection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select jobs_make_month('2031-05-17')")
    assert rights(superuser, "reprise", "jobs_event_2031_05") == {"select", "insert"}


def test_the_application_has_what_it_needs_of_the_rest(superuser: Connection) -> None:
    wanted = {
        "jobs_event": {"select", "insert"},
        "jobs_seal": {"select", "insert"},
        "jobs_job": EVERY - {"delete"},
        "django_migrations": {"select"},
        "jobs_claim": EVERY,
        "django_session": EVERY,
        "procrastinate_jobs": EVERY,
    }
    assert {table: rights(superuser, "reprise", table) for table in wanted} == wanted


def test_a_database_of_before_comes_to_the_same_rights(services: Services) -> None:
    with fresh_database(services, "of_before") as url:
        migrate(url, "jobs", "0003")
        with psycopg.connect(url) as owner:
            assert "update" in rights(owner, "reprise", "jobs_event")
            owner.execute("grant truncate on all tables in schema public to reprise")
        migrate(url)
        with psycopg.connect(url) as owner:
            found = rights(owner, "reprise", "jobs_event") | rights(owner, "reprise", "jobs_seal")
        assert found == {"select", "insert"}


def test_roles_of_ones_own_before_and_after_the_first_migration(services: Services) -> None:
    with fresh_database(services, "own_roles") as url:
        names = {"owner": "test_owner", "app": "test-app 'x'"}
        for _ in range(2):
            postgres.set_roles(url, **names)
        owner = as_role(services, url, names["owner"])
        migrate(owner)
        postgres.set_roles(url, **names)
        app = as_role(services, url, names["app"])
        with psycopg.connect(app, autocommit=True) as application:
            row = application.execute("select jobs_make_month('2031-05-17')").fetchone()
            assert row == ("jobs_event_2031_05",)
            for table in ("jobs_event", "jobs_event_2031_05", "jobs_sealedhead"):
                assert rights(application, names["app"], table) == {"select", "insert"}
                with pytest.raises(InsufficientPrivilege):
                    application.execute(f"drop table {table}".encode())
            with pytest.raises(InsufficientPrivilege):
                application.execute("create table mine ()")
            timeouts = ["transaction_timeout", "idle_in_transaction_session_timeout"]
            limits = application.execute(
                "select name, setting from pg_settings where name = any(%s)", [timeouts]
            ).fetchall()
            assert set(limits) in (
                {
                    ("transaction_timeout", "60000"),
                    ("idle_in_transaction_session_timeout", "15000"),
                },
                {("idle_in_transaction_session_timeout", "15000")},  # Postgres 15 and 16
            )


def test_an_application_that_was_the_owner_is_no_longer(services: Services) -> None:
    with fresh_database(services, "one_role") as url:
        admin(services, "create role {} login", "test_solo")
        admin(services, "alter database one_role owner to {}", "test_solo")
        app = as_role(services, url, "test_solo")
        migrate(app)
        with psycopg.connect(app, autocommit=True) as before:
            before.execute("alter table jobs_event disable trigger all")
            before.execute("alter table jobs_event enable trigger all")
        postgres.set_roles(url, owner="test_later", app="test_solo")
        with psycopg.connect(app, autocommit=True) as after:
            for statement in ("alter table jobs_event disable trigger all", "drop table jobs_seal"):
                with pytest.raises(InsufficientPrivilege):
                    after.execute(statement.encode())
            assert rights(after, "test_solo", "jobs_event") == {"select", "insert"}
            assert after.execute("select jobs_make_month('2031-05-17')").fetchone()
        migrate(as_role(services, url, "test_later"))


def test_roles_that_would_protect_nothing_are_refused(services: Services) -> None:
    with fresh_database(services, "refused") as url:
        with pytest.raises(CannotStart, match="they must be two roles"):
            postgres.set_roles(url, owner="test_same", app="test_same")
        with pytest.raises(CannotStart, match="is a superuser"):
            postgres.set_roles(url, owner="test_other", app="postgres")
        admin(services, "create role {} login", "test_member")
        admin(services, "grant pg_monitor to {}", "test_member")
        with pytest.raises(CannotStart, match="is a member of pg_monitor"):
            postgres.set_roles(url, owner="pg_monitor", app="test_member")


def test_the_triggers_are_there_after_a_migration_back_and_forth(services: Services) -> None:
    with fresh_database(services, "there_and_back") as url:
        migrate(url, "jobs", "0004")
        migrate(url, "jobs", "0003")
        migrate(url)
        with psycopg.connect(url) as owner:
            found = owner.execute("select count(*) from pg_trigger where tgname like 'jobs_seal%'")
            assert found.fetchone() == (4,)
