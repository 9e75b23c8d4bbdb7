"""Starting and stopping: `ops/up` and the private servers that it and the tests run on."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.embedded import postgres, valkey
from ops.embedded.server import Server
from ops.errors import CannotStart
from ops.launcher import procfile
from ops.launcher.processes import Process
from ops.setup.clone import ROOT, need_space
from tests.acceptance.process_search import with_environment
from tests.support import up_process
from tests.support.services import Services
from tests.support.up_process import refused, running
from tests.support.waiting import until

STARTER = """
import pathlib, sys, time
from ops.embedded import valkey
server = valkey.start(pathlib.Path(sys.argv[1]))
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that is not there yet, with a name that needs care in a configuration."""
    return tmp_path / "a %d state"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres of this module's own."""
    with postgres.start(tmp_path_factory.mktemp("postgres"), durable=False) as started:
        yield started


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.timeout(600)  # two whole starts, beside other tests
def test_a_copy_survives_the_death_of_each_of_its_processes_and_leaves_none(state: Path) -> None:
    with running(state) as copy:
        assert mode(state / "log") == 0o700
        assert mode(state / "ready.json") == mode(state / "postgres.json") == 0o600
        assert copy.ready["username"] is None
        for name in ("worker", "postgres", "web"):
            pid = until(lambda name=name: copy.pids().get(name), name)  # type: ignore[misc]  # mypy cannot type a default
            os.kill(pid, signal.SIGKILL)
            until(lambda name=name, pid=pid: copy.replaced(name, pid), f"another {name}")  # type: ignore[misc]  # the same
        until(copy.answers, "the pages")
        first = copy.ready
        # the next start finds what a killed one left, and the same database
        copy.process.kill()
        copy.process.wait()
        left = copy.pids()
    with running(state) as second:
        assert second.ready["database_url"] == first["database_url"]
        assert set(left.values()).isdisjoint(second.pids().values())
        assert second.answers()
    assert not (state / "ready.json").exists()
    assert not with_environment(REPRISE_STATE=str(state))


@pytest.mark.timeout(600)
def test_given_servers_are_used_and_none_is_started(state: Path, services: Services) -> None:
    with services.database() as url:
        given = {
            "DATABASE_URL": url,
            "REPRISE_SUPERUSER_DATABASE_URL": services.postgres.superuser_url,
            "REDIS_URL": services.valkey.url,
        }
        with running(state, **given) as copy:
            assert copy.ready["database_url"] == url
            assert copy.ready["redis_url"] == services.valkey.url
            assert {"postgres", "valkey"}.isdisjoint(copy.pids())
    assert not (state / "postgres.json").exists()


def test_a_second_start_on_the_same_state_says_who_is_first(state: Path) -> None:
    state.mkdir()
    with (state / "up.lock").open("w") as lock:
        # held as a running copy holds it
        subprocess.run(
            ["flock", "--nonblock", str(lock.fileno())], pass_fds=[lock.fileno()], check=True
        )
        lock.write("pid 4711, http://127.0.0.1:8000")
        lock.flush()
        line = refused(state)
    assert "Already running" in line
    assert "pid 4711, http://127.0.0.1:8000" in line


def test_a_port_that_is_taken_is_named(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} is taken" in refused(state, PORT=str(port))


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(state: Path, port: str) -> None:
    assert "PORT must be a port number" in refused(state, PORT=port)


def test_an_unusable_state_folder_is_named() -> None:
    assert "Cannot use the state folder /proc/reprise" in refused(Path("/proc/reprise"))


def test_given_servers_that_do_not_answer_are_named(state: Path) -> None:
    nobody = "postgresql://somebody:very-secret@127.0.0.1:1/reprise"
    line = refused(state, DATABASE_URL=nobody)
    assert "The Postgres of DATABASE_URL does not answer" in line
    assert "very-secret" not in line
    assert not with_environment(REPRISE_STATE=str(state))


def test_a_python_that_makes_no_environments_is_said(state: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None")
    own = {"PYTHONPATH": str(tmp_path), "REPRISE_VENV": str(tmp_path / "venv")}
    assert "apt-get install python3-venv" in refused(state, **own)


def test_a_machine_without_python_is_said(state: Path, tmp_path: Path) -> None:
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    assert "python3 is missing" in refused(state, PATH=str(tmp_path))


def test_a_disk_without_space_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"MB free; \d+ MB are needed"):
        need_space(tmp_path / "not" / "yet", 10**9)


def test_help_needs_nothing(tmp_path: Path) -> None:
    ran = subprocess.run([up_process.UP, "--help"], capture_output=True, text=True, check=True)
    assert "--no-demo" in ran.stdout
    assert "REPRISE_STATE" in ran.stdout


def test_a_folder_keeps_its_database_port_and_passwords(tmp_path: Path) -> None:
    with postgres.start(tmp_path, durable=False) as first:
        with psycopg.connect(first.superuser_url) as connection:
            connection.execute("create table kept ()")
        url, pid = first.url, first.pid
    assert Process.of(pid) is None
    with postgres.start(tmp_path, durable=False) as second:
        assert second.url == url
        with psycopg.connect(second.url) as connection:
            assert connection.execute("select from kept").fetchall() == []


def test_the_application_may_change_rows_but_not_tables(server: Server) -> None:
    with psycopg.connect(server.superuser_url) as owner:
        owner.execute("create table log (line text)")
    with psycopg.connect(server.url, autocommit=True) as application:
        application.execute("insert into log values ('first')")
        for forbidden in ("drop table log", "truncate log", "create table other ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(forbidden)


def test_no_forgotten_transaction_of_the_application_stays_open(server: Server) -> None:
    with psycopg.connect(server.url) as application:
        limits = [
            application.execute("select current_setting(%s)", [name]).fetchone()
            for name in ("transaction_timeout", "idle_in_transaction_session_timeout")
        ]
    assert limits == [("1min",), ("15s",)]


def test_a_private_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert Process.of(pid)
    starter.kill()
    starter.communicate()
    until(lambda: Process.of(pid) is None, "the end of the server")


def test_a_frozen_server_stops_all_the_same(tmp_path: Path) -> None:
    started = valkey.start(tmp_path)
    os.kill(started.pid, signal.SIGSTOP)
    started.stop(seconds=0.1)
    assert Process.of(started.pid) is None


def test_a_database_without_its_passwords_is_said(tmp_path: Path) -> None:
    postgres.start(tmp_path, durable=False).stop()
    (tmp_path / "postgres.json").unlink()
    with pytest.raises(CannotStart, match=r"passwords is gone"):
        postgres.prepare(tmp_path)


def test_a_procfile_is_read_in_order(tmp_path: Path) -> None:
    file = tmp_path / "Procfile"
    file.write_text("# what runs\nweb: serve --port $PORT\n\nworker: work  \n")
    assert list(procfile.read(file).items()) == [("web", "serve --port $PORT"), ("worker", "work")]


def test_a_line_that_names_no_process_is_said(tmp_path: Path) -> None:
    file = tmp_path / "Procfile"
    file.write_text("web: serve\nworker\n")
    with pytest.raises(CannotStart, match="line 2"):
        procfile.read(file)
