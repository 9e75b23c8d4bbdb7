"""`reprise-admin doctor`: each check of servers, processes and files meets a real fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
from django.conf import settings
from django.db.models import F
from django.test import override_settings

from core import clock
from jobs import doctor
from jobs.doctor.check import Check
from jobs.doctor.host import check_packages
from jobs.models import Duty, Seal
from jobs.queue import live_workers
from jobs.queue.maintenance import SEALS
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.django_servers import using_database, using_valkey
from tests.support.doctor import find
from tests.support.factories import make_job
from tests.support.services import Services, with_database

pytestmark = pytest.mark.usefixtures("database", "redis")
OK, WARNING, PROBLEM = doctor.Grade.OK, doctor.Grade.WARNING, doctor.Grade.PROBLEM
NOBODY = "postgresql://reprise@127.0.0.1:{port}/reprise?connect_timeout=1"


@pytest.fixture
def superuser(database: str, services: Services) -> Iterator[psycopg.Connection[tuple[object]]]:
    """A superuser in this test's database."""
    with psycopg.connect(superuser_url(database, services), autocommit=True) as found:
        yield found


def superuser_url(database: str, services: Services) -> str:
    return with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])


def manage(database: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"DATABASE_URL": database, "REDIS_URL": settings.REPRISE.redis_url} | env
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", *words], cwd=ROOT, env=given,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "python", "packages", "pages", "postgres", "clock of postgres", "migrations", "role",
        "rights", "timeouts", "partitions", "valkey", "clock of valkey", "eviction",
        "persistence", "hints", "kinds", "disk", "archives",
    ],
)  # fmt: skip
def test_what_is_well_is_ok(name: str) -> None:
    assert find(name).grade == OK, find(name)


def test_lines_and_status_for_people_and_json_for_programs(database: str) -> None:
    ran = manage(database)
    assert ran.returncode == 1  # no sweeper has run here
    lines = [line.split(None, 1) for line in ran.stdout.splitlines()]
    assert {grade for grade, _ in lines} == {"ok", "warning", "problem"}
    ran = manage(database, "--json")
    answer = json.loads(ran.stdout)
    assert (ran.returncode, answer["ok"]) == (1, False)
    found = {one["check"]: one for one in answer["findings"]}
    assert len(found) == len(answer["findings"]) == len(lines)
    assert found["sweeper"]["said"].endswith("start one with reprise-admin sweeper")


def test_one_check_alone(database: str) -> None:
    ran = manage(database, "--only", "rights", "--only", "disk")
    assert (ran.returncode, ran.stderr) == (0, "")
    names = [line.split()[1] for line in ran.stdout.splitlines()]
    assert names == ["postgres", "migrations", "rights", "disk"]
    ran = manage(database, "--only", "nonsense")
    assert (ran.returncode, "There is no check nonsense; there are python," in ran.stderr) == (
        1, True,
    )  # fmt: skip


def test_without_servers_it_says_so_and_checks_the_rest() -> None:
    ran = manage(
        NOBODY.format(port=ports.free()), "--json", REDIS_URL=f"redis://127.0.0.1:{ports.free()}"
    )
    found = {one["check"]: one for one in json.loads(ran.stdout)["findings"]}
    assert ran.returncode == 1
    assert {name for name, one in found.items() if one["grade"] == PROBLEM} == {
        "postgres", "valkey",
    }  # fmt: skip
    assert found["rights"]["said"] == "not checked: see migrations"
    assert found["hints"]["said"] == "not checked: see valkey"
    assert found["python"]["grade"] == found["disk"]["grade"] == OK


def test_a_check_that_hangs_or_raises_hides_no_other() -> None:
    forever = threading.Event()

    def hang() -> str:
        forever.wait()
        return ""

    def fail() -> str:
        raise ValueError("odd")

    checks = [Check("a", hang), Check("b", fail), Check("c", lambda: "well"), Check("d", fail, "a")]
    found = {one.check: (one.grade, one.said) for one in doctor.run_checks(checks, 0.5)}
    forever.set()
    assert found == {
        "a": (PROBLEM, "no answer within 0.5 s"),
        "b": (PROBLEM, "ValueError: odd"),
        "c": (OK, "well"),
        "d": (WARNING, "not checked: see a"),
    }


def test_a_package_that_is_too_old_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = tmp_path / "reprise-0.1.0.dist-info"
    wheel.mkdir()
    needs = ["django>=99", "no-such-package", "httpx", 'tomli; python_version < "3.11"']
    lines = ["Metadata-Version: 2.1", "Name: reprise", "Version: 0.1.0"]
    lines += [f"Requires-Dist: {one}" for one in needs]
    (wheel / "METADATA").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Exception, match=r"django \S+ is not >=99; no-such-package is missing: "):
        check_packages()


def test_settings_of_a_trial() -> None:
    debug = settings.REPRISE.with_changes(debug=True)
    with override_settings(REPRISE=debug):
        assert find("settings").grade == PROBLEM
    assert "REPRISE_LOCAL=trusted" in find("settings").said  # as the tests have it
    odd = settings.REPRISE.with_changes(approvals={"no-such-kind": frozenset()})
    with override_settings(REPRISE=odd):
        assert "no-such-kind" in find("set up").said


# Postgres


def test_the_superuser_is_no_role_for_the_application(database: str, services: Services) -> None:
    with using_database(superuser_url(database, services)):
        assert find("role").grade == find("rights").grade == PROBLEM
        assert "postgres is a superuser" in find("role").said
        assert find("timeouts").grade == WARNING


NEWEST_FORGOTTEN = """
delete from django_migrations where app = 'jobs'
  and name = (select max(name) from django_migrations where app = 'jobs')
"""


@pytest.mark.parametrize(
    ("statement", "check", "said"),
    [
        ("grant update on jobs_feed to reprise", "rights", "may update on jobs_feed"),
        ("grant truncate on jobs_seal to reprise", "rights", "may truncate on jobs_seal"),
        ("grant delete on jobs_event to reprise", "rights", "may delete on jobs_event"),
        ("revoke insert on jobs_claim from reprise", "rights", "not read or write jobs_claim"),
        ("grant create on schema public to reprise", "role", "create in the schema public"),
        ("alter table jobs_event owner to reprise", "role", "the owner of the tables"),
        ("drop table jobs_job cascade", "partitions", ""),
        (NEWEST_FORGOTTEN, "migrations", "1 migration not applied, first jobs."),
    ],
)  # fmt: skip
def test_faults_of_the_database(
    statement: str, check: str, said: str, superuser: psycopg.Connection[tuple[object]]
) -> None:
    if check != "partitions":
        superuser.execute(statement.encode())
    else:
        for (table,) in superuser.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'jobs_event'::regclass order by 1 desc limit 3"
        ).fetchall():
            superuser.execute(f"drop table {table}".encode())
    found = find(check)
    assert found.grade == PROBLEM
    assert said in found.said


def test_tables_of_a_newer_version_are_a_warning(
    superuser: psycopg.Connection[tuple[object]],
) -> None:
    superuser.execute(
        "insert into django_migrations (app, name, applied) values ('jobs', '9999_later', now())"
    )
    assert (find("migrations").grade, "jobs.9999_later" in find("migrations").said) == (
        WARNING, True,
    )  # fmt: skip


# Valkey


def test_faults_of_valkey(services: Services) -> None:
    with redis_client.Redis.from_url(services.valkey.url) as client:
        try:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("save", "3600 1")
            assert (find("eviction").grade, find("persistence").grade) == (PROBLEM, WARNING)
            assert "set noeviction" in find("eviction").said
        finally:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("save", "")


def test_a_user_of_valkey_with_few_rights(services: Services) -> None:
    address = services.valkey.url.rsplit("@", 1)[1]
    with redis_client.Redis.from_url(services.valkey.url) as client:
        try:
            few = ["+ping", "+time", "+publish", "+subscribe"]
            client.acl_setuser(
                "few", enabled=True, passwords=["+few"], commands=few, channels=["other"]
            )
            with using_valkey(f"redis://few:few@{address}"):
                assert find("valkey").grade == WARNING
                assert "allow INFO" in find("eviction").said
                assert find("hints").grade == PROBLEM
                assert find("clock of valkey").grade == OK
        finally:
            client.acl_deluser("few")


# Processes


def test_sweeper_and_sealer() -> None:
    assert find("sweeper").grade == find("sealer").grade == PROBLEM
    Duty.objects.create(name="sweep", every=1, done_at=clock.now())
    Duty.objects.create(name=SEALS, every=600, done_at=clock.now())
    assert (find("sweeper").grade, find("sealer").grade) == (OK, OK)
    Duty.objects.update(failures=2, error="OSError: no space")
    assert find("sweeper").said == "sweep fails, 2 times in a row: OSError: no space"
    Duty.objects.update(failures=0, done_at=F("done_at") - timedelta(days=1))
    assert "not done in time" in find("sweeper").said
    assert "not done in time" in find("sealer").said


def test_a_sealer_that_makes_no_seals() -> None:
    Duty.objects.create(name=SEALS, every=600, done_at=clock.now())
    Seal.objects.create(number=1, at=clock.now() - timedelta(days=9), text="{}")
    assert find("sealer").grade == OK  # nothing has happened since
    make_job()
    assert "look at the sealer's log" in find("sealer").said


def test_workers() -> None:
    assert find("workers").grade == PROBLEM
    live_workers.renew_worker("here", {"command": "1"})
    assert find("workers").said == "1 live"
