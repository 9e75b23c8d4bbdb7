"""Backups of a real cluster: restored to a moment, verified, refused where damaged, drilled."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import override_settings

from core import clock
from core.command_line import command_words
from jobs import log
from jobs.models import Team
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import open_intruder
from tests.support.sealing import overwrite, seals_in
from tests.support.services import Services, with_database
from tests.support.waiting import until

# Whole clusters are copied, recovered and verified, by several processes each.
pytestmark = [pytest.mark.usefixtures("place"), pytest.mark.timeout(600)]
_CAUGHT_UP = "select bool_or(flush_lsn >= %s::pg_lsn) from pg_stat_replication"


@pytest.fixture
def owner(services: Services, database: str) -> str:
    """The database's address as the superuser."""
    return with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])


@pytest.fixture
def place(services: Services, owner: str) -> Iterator[Path]:
    """An installation's folders, which whom Postgres runs as reaches (`tmp_path` he does not)."""
    with tempfile.TemporaryDirectory(prefix="reprise-backups-") as folder:
        Path(folder).chmod(0o711)
        with _installation(services, owner, Path(folder)):
            yield Path(folder)


@contextmanager
def _installation(services: Services, owner: str, folder: Path) -> Iterator[None]:
    programs = Path(services.postgres.prepared.command[0]).parent
    with seals_in(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_SUPERUSER_DATABASE_URL", owner)
        archive = {**settings.STORAGES["archive"], "OPTIONS": {"location": folder / "archive"}}
        config = settings.REPRISE.with_changes(
            backups=folder / "backups", postgres_programs=programs
        )
        storages = {**settings.STORAGES, "archive": archive}
        with override_settings(REPRISE=config, STORAGES=storages):
            yield


def called(*words: str) -> dict[str, Any]:
    """Call a command; return what it prints as JSON."""
    text = io.StringIO()
    call_command(*words, "--json", stdout=text)
    found: dict[str, Any] = json.loads(text.getvalue())
    return found


def append(job: UUID, text: str, count: int = 3) -> None:
    log.append(job, [output(text)] * count, actor="worker:w")


@contextmanager
def following(owner: str, backups: Path, programs: Path) -> Iterator[None]:
    """Keep the write-ahead log meanwhile, as a service manager would; all of it is there after."""
    env = os.environ | {"DATABASE_URL": owner, "REPRISE_POSTGRES_PROGRAMS": str(programs)}
    command = [*command_words(), "backup", "--follow", "--to", str(backups), "--slot", "test_slot"]
    with psycopg.connect(owner, autocommit=True) as connection:
        process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        try:
            caught_up(connection)
            yield
            caught_up(connection)
        finally:
            process.terminate()
            process.wait()
            drop = "select pg_drop_replication_slot('test_slot')"
            until(lambda: not _is_active(connection), "the slot to be free")
            connection.execute(drop)


def caught_up(connection: psycopg.Connection[Any]) -> None:
    """Wait until what is written now has been received."""
    connection.execute("select pg_switch_wal()")
    [now] = connection.execute("select pg_current_wal_flush_lsn()").fetchone() or (None,)
    until(lambda: connection.execute(_CAUGHT_UP, [now]).fetchone() == (True,), "the log to come")


def _is_active(connection: psycopg.Connection[Any]) -> bool:
    query = "select active from pg_replication_slots where slot_name = 'test_slot'"
    return connection.execute(query).fetchone() == (True,)


def between_commits() -> str:
    """Return a moment after all commits until now and before all later ones."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        moment = cursor.fetchone()[0]
    until(lambda: clock.now() > moment and time.time() > moment.timestamp() + 0.01, "the clock")
    return clock.rfc3339(moment)


def test_a_moment_is_restored_and_newer_seals_are_named(
    services: Services, owner: str, place: Path
) -> None:
    jobs = [make_job(events=[ATTEMPT]).pk for _ in range(3)]
    programs = Path(services.postgres.prepared.command[0]).parent
    with following(owner, place / "backups", programs):
        call_command("seal", stdout=io.StringIO())
        made = called("backup", "--keys", str(place / "keys"))
        append(jobs[0], "kept")
        call_command("seal", stdout=io.StringIO())
        at, before = between_commits(), _production(owner)
        append(jobs[0], "lost")
        call_command("seal", stdout=io.StringIO())
        called("backup")  # the newest files of seals come from here
    assert (made["system"], made["database"]) == _system(owner)
    assert sorted(made["files"]["seals"]) == ["seal-00000001.ndjson"]
    assert {path.name for path in (place / "keys").iterdir()} >= {"secret_key", "seal_key"}

    restored = called("restore", "--to", str(place / "then"), "--at", at)
    assert restored["backup"] == made["name"]  # the second had not ended by then
    assert (restored["content"]["jobs"], restored["content"]["events"]) == before
    assert restored["content"]["seal"] == 2
    assert restored["ok"]
    assert [one["seal"] for one in restored["verified"]["newer_seals"]] == [3]


def test_the_latest_moment_and_that_of_a_seal_are_restored(
    services: Services, owner: str, place: Path
) -> None:
    job = make_job(events=[ATTEMPT]).pk
    programs = Path(services.postgres.prepared.command[0]).parent
    with following(owner, place / "backups", programs):
        called("backup")
        sealed = _production(owner)
        call_command("seal", stdout=io.StringIO())
        append(job, "after the seal")
        called("backup")
        append(job, "latest")
    latest = called("restore", "--to", str(place / "now"))
    assert (latest["content"]["jobs"], latest["content"]["events"]) == _production(owner)
    assert not latest["verified"]["newer_seals"]
    assert (place / "now" / "data" / "PG_VERSION").is_file()
    assert not (place / "now" / "data" / "recovery.signal").exists()
    of_seal = called("restore", "--to", str(place / "seal"), "--seal", "1")
    assert of_seal["ok"]
    assert of_seal["content"]["events"] >= sealed[1]
    assert of_seal["content"]["events"] < latest["content"]["events"]


def test_seals_made_after_the_backup_are_taken_from_where_they_are_or_named(
    services: Services, owner: str, place: Path
) -> None:
    job = make_job(events=[ATTEMPT]).pk
    programs = Path(services.postgres.prepared.command[0]).parent
    with following(owner, place / "backups", programs):
        call_command("seal", stdout=io.StringIO())
        called("backup")
        append(job, "more")
        call_command("seal", stdout=io.StringIO())
    found = called("restore", "--to", str(place / "there"))
    assert found["ok"]
    assert not found["verified"]["unfiled_seals"]
    (place / "seals" / "seal-00000002.ndjson").unlink()
    found = called("restore", "--to", str(place / "lost"))
    assert found["ok"]
    assert [one["seal"] for one in found["verified"]["unfiled_seals"]] == [2]


def _system(owner: str) -> tuple[str, str]:
    with psycopg.connect(owner) as connection:
        row = connection.execute(
            "select system_identifier::text, current_database() from pg_control_system()"
        ).fetchone()
    assert row
    return row[0], row[1]


def _production(owner: str) -> tuple[int, int]:
    """Return how many jobs and events there are."""
    with psycopg.connect(owner) as connection:
        row = connection.execute("select count(*), sum(head) from jobs_job").fetchone()
    assert row
    return int(row[0]), int(row[1])


def test_a_drill_leaves_nothing_and_changes_nothing(owner: str, place: Path) -> None:
    job = make_job(events=[ATTEMPT]).pk
    append(job, "x", 40)
    call_command("seal", stdout=io.StringIO())
    before = _production(owner)
    report = called("drill")
    assert report["ok"]
    assert report["verified"]["bad_count"] == 0
    assert report["production"] == {
        "same": before[0],
        "behind": 0,
        "events_behind": 0,
        "different": [],
    }
    assert set(report["seconds"]) >= {"base", "copy", "recover", "verify", "compare", "all"}
    assert _production(owner) == before
    assert [path.name for path in (place / "backups").iterdir()] == ["drills.ndjson"]
    [line] = (place / "backups" / "drills.ndjson").read_text().splitlines()
    assert json.loads(line) == report
    assert "PGOPTIONS" not in os.environ
    Team.objects.create(name="after it", slug="after")  # the drill's sessions alone only read


def test_a_drill_tells_what_was_changed(services: Services, database: str, place: Path) -> None:
    job = make_job(events=[ATTEMPT]).pk
    append(job, "x")
    with open_intruder(services, database) as intruder:
        intruder.change(job, 4, '"x"', '"y"')
    with pytest.raises(CommandError, match="not what production has"):
        called("drill")
    [line] = (place / "backups" / "drills.ndjson").read_text().splitlines()
    report = json.loads(line)
    assert not report["ok"]
    assert report["verified"]["bad"][0]["job"] == str(job)


def test_what_cannot_be_restored_is_refused_and_leaves_nothing(place: Path) -> None:
    make_job(events=[ATTEMPT])
    call_command("seal", stdout=io.StringIO())
    early = between_commits()
    made = called("backup")
    folder, to = place / "backups" / made["name"], place / "to"
    with pytest.raises(CommandError, match="had ended by"):
        called("restore", "--to", str(to), "--at", early)
    with pytest.raises(CommandError, match="no seal 7"):
        called("restore", "--to", str(to), "--seal", "7")
    with pytest.raises(CommandError, match="recovery target"):  # no log was followed
        called("restore", "--to", str(to), "--at", between_commits())
    (folder / "base" / "PG_VERSION").write_text("17\n")
    with pytest.raises(CommandError, match="pg_verifybackup failed"):
        called("restore", "--to", str(to))
    (folder / "base" / "PG_VERSION").write_text(f"{made['postgres']}\n")
    overwrite(folder / "seals" / "seal-00000001.ndjson", "changed")
    with pytest.raises(CommandError, match="was changed after the backup"):
        called("restore", "--to", str(to))
    assert not to.exists()


def test_a_role_that_may_replicate_and_nothing_else_is_enough(owner: str) -> None:
    login = owner.partition("@")[2]
    with psycopg.connect(owner, autocommit=True) as superuser:
        superuser.execute("create role test_backup login replication password 'pw'")
        try:
            made = called("backup", "--owner-url", f"postgresql://test_backup:pw@{login}")
        finally:
            superuser.execute("drop role test_backup")
    assert made["bytes"]["base"] > 0


def test_keys_are_kept_apart_and_old_backups_are_removed(place: Path) -> None:
    call_command("seal", stdout=io.StringIO())
    backups = place / "backups"
    for keys in (backups, backups / "keys", place):
        with pytest.raises(CommandError, match="apart"):
            called("backup", "--keys", str(keys))
    assert not list(backups.glob("*"))
    make_job(events=[ATTEMPT])
    call_command("seal", stdout=io.StringIO())
    first, second = called("backup"), called("backup")
    seal = "seals/seal-00000001.ndjson"
    assert (backups / second["name"] / seal).samefile(backups / first["name"] / seal)
    third = called("backup", "--keep", "2")
    listed = io.StringIO()
    call_command("backup", "--list", stdout=listed)
    names = [line.split()[0] for line in listed.getvalue().splitlines()]
    assert names == [second["name"], third["name"]]
    assert not (backups / first["name"]).exists()
