"""Checks of Postgres: its version, its clock, the application's role, tables and partitions."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core import clock
from core.words import counted
from jobs.doctor.check import Check, Doubt, Flaw
from jobs.log import months
from jobs.log.sql import fetch_rows

POSTGRES = "postgres"
MIGRATIONS = "migrations"
VERSIONS = 15, 18
SKEW_SECONDS = 2.0
ROLES_SQL = "run ops/postgres/roles.sql (share/reprise/roles.sql of the wheel) as a superuser"

_ROLE = """
select current_user, rolsuper, rolcreaterole or rolcreatedb or rolbypassrls or rolreplication,
  pg_has_role(current_user, (select relowner from pg_class where oid = 'jobs_event'::regclass),
    'member'),
  has_schema_privilege('public', 'create')
from pg_roles where rolname = current_user
"""

# What jobs_restrict() (migration 0017) leaves the application of tables that only grow.
_TOO_MUCH = """
select relation::regclass::text, string_agg(lower(privilege), ', ' order by privilege)
from (
  select relid from pg_partition_tree('jobs_event')
  union all values ('jobs_seal'::regclass), ('jobs_sealedhead'), ('jobs_feed')
) as kept(relation), unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as privilege
where has_table_privilege(relation, privilege)
group by relation order by 1
"""

_TOO_LITTLE = """
select relname::text from pg_class
where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
  and not (has_table_privilege(oid, 'SELECT') and (
    relname = 'django_migrations' or has_table_privilege(oid, 'INSERT')))
order by 1
"""

_TIMEOUTS = """
select name from pg_settings
where name in ('transaction_timeout', 'idle_in_transaction_session_timeout') and setting = '0'
order by name
"""


def database_checks() -> list[Check]:
    """Return the checks of Postgres."""
    return [
        Check(POSTGRES, check_version),
        Check("clock of postgres", check_clock, POSTGRES),
        Check(MIGRATIONS, check_migrations, POSTGRES),
        Check("role", check_role, MIGRATIONS),
        Check("rights", check_rights, MIGRATIONS),
        Check("timeouts", check_timeouts, POSTGRES),
        Check("partitions", check_partitions, MIGRATIONS),
    ]


def check_version() -> str:
    """Look whether Postgres answers, and in which version."""
    [(number, said)] = fetch_rows(
        "select current_setting('server_version_num')::int / 10000, "
        "current_setting('server_version')"
    )
    if number < VERSIONS[0]:
        raise Flaw(f"Postgres {said}: use {VERSIONS[0]} or later")
    if number > VERSIONS[1]:
        raise Doubt(f"Postgres {said}: newer than any that is supported ({VERSIONS[1]})")
    return f"Postgres {said}"


def check_clock() -> str:
    """Look how far the database's clock is from this host's."""
    before = clock.now()
    [(there,)] = fetch_rows("select clock_timestamp()")
    return describe_skew((there - before).total_seconds(), (clock.now() - before).total_seconds())


def describe_skew(ahead: float, taken: float) -> str:
    """Return how far another clock is ahead, asked in `taken` seconds; Flaw for too much."""
    if not -SKEW_SECONDS <= ahead <= taken + SKEW_SECONDS:
        raise Flaw(f"{ahead:+.1f} s from this host's: let both follow the same time servers (NTP)")
    return f"within {SKEW_SECONDS:g} s of this host's"


def check_migrations() -> str:
    """Look whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    missing = executor.migration_plan(loader.graph.leaf_nodes())
    if missing:
        first = missing[0][0]
        raise Flaw(
            f"{counted(len(missing), 'migration')} not applied, first {first}: "
            "run reprise-admin migrate as the database's owner"
        )
    newer = sorted(loader.applied_migrations.keys() - loader.disk_migrations.keys())
    if newer := [name for name in newer if name[0] in loader.migrated_apps]:
        app, name = newer[0]
        raise Doubt(f"{app}.{name} is of another version: upgrade this host")
    return f"all {len(loader.disk_migrations)} applied"


def check_role() -> str:
    """Look whether the application's role owns nothing and is nobody special."""
    [(role, superuser, special, owner, creates)] = fetch_rows(_ROLE)
    wrong = [
        word
        for word, holds in {
            "a superuser": superuser,
            "allowed to make roles or databases, to replicate or to bypass row security": special,
            "(a member of) the owner of the tables": owner and not superuser,
            "allowed to create in the schema public": creates and not (superuser or owner),
        }.items()
        if holds
    ]
    if wrong:
        raise Flaw(
            f"{role} is {', and '.join(wrong)}: name the application's role in DATABASE_URL; "
            f"{ROLES_SQL}"
        )
    return f"{role} owns nothing"


def check_rights() -> str:
    """Look whether the role can read and append, and change nothing that only grows."""
    much: list[tuple[Any, ...]] = fetch_rows(_TOO_MUCH)
    if much:
        table, rights = much[0]
        more = f" and {len(much) - 1} more" if len(much) > 1 else ""
        raise Flaw(f"may {rights} on {table}{more}: {ROLES_SQL}")
    if little := [name for (name,) in fetch_rows(_TOO_LITTLE)]:
        raise Flaw(f"may not read or write {', '.join(little[:5])}: {ROLES_SQL}")
    return "reads and appends; changes no event, seal or position of the feed"


def check_timeouts() -> str:
    """Look whether transactions that are left open end by themselves."""
    if off := [name for (name,) in fetch_rows(_TIMEOUTS)]:
        raise Doubt(f"{', '.join(off)} not set: an open transaction holds the feed; {ROLES_SQL}")
    return "transactions that are left open end by themselves"


def check_partitions() -> str:
    """Look whether the months of now and next have their partitions."""
    if missing := months.missing_partitions():
        raise Flaw(f"{', '.join(missing)} missing: the sweeper makes them, start one")
    return "this month's and the next month's are there"
