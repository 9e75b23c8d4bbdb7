"""`ops/manage`, `reprise`, `kill`, `install` and `run`, called as a person calls them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ops.child import tethered
from ops.embedded import ports
from ops.launcher import state as launcher_state
from ops.setup import stamps, venv
from ops.setup.clone import ROOT, Clone
from tests.support.services import Services
from tests.support.waiting import until

OPS = ROOT / "ops"


def call(script: str, *words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPS / script, *words], cwd=cwd, env={**os.environ, **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def running_state(tmp_path: Path) -> Path:
    """A state folder as that of a running copy, whose processes are two sleeping ones."""
    folder = tmp_path / "state"
    folder.mkdir()
    addresses = ("database_url", "superuser_database_url", "redis_url")
    ready = dict.fromkeys(addresses, "postgresql://127.0.0.1/x") | {
        "redis_url": "redis://127.0.0.1"
    }
    (folder / "ready.json").write_text(json.dumps(ready))
    return folder


def test_manage_names_files_from_where_it_is_called(running_state: Path, tmp_path: Path) -> None:
    ran = call(
        "manage", "shell", "--no-imports", "-c", "import os; print(os.getcwd())",
        cwd=tmp_path, REPRISE_STATE="state",
    )  # fmt: skip
    assert ran.stdout.strip() == str(tmp_path), ran.stderr


def test_reprise_check_is_about_the_copy_that_runs(
    running_state: Path, tmp_path: Path, services: Services
) -> None:
    (tmp_path / "code").mkdir()
    with services.database() as url:
        ready = json.loads((running_state / "ready.json").read_text())
        (running_state / "ready.json").write_text(json.dumps(ready | {"database_url": url}))
        ran = call("reprise", "check", "--against", "code", cwd=tmp_path, REPRISE_STATE="state")
    assert (ran.returncode, ran.stdout.startswith("0 runs checked: ")) == (0, True), ran.stderr


def test_reprise_check_says_that_no_copy_runs(tmp_path: Path) -> None:
    ran = call("reprise", "check", cwd=tmp_path, REPRISE_STATE="nothing")
    assert ran.returncode == 1
    assert "Nothing runs on" in ran.stderr


def test_a_relative_folder_in_a_setting_counts_from_there_too(
    running_state: Path, tmp_path: Path
) -> None:
    code = "from django.conf import settings; print(settings.REPRISE.seal_key)"
    ran = call(
        "manage", "shell", "--no-imports", "-c", code,
        cwd=tmp_path, REPRISE_STATE="state", REPRISE_SEAL_KEY="keys/seal",
    )  # fmt: skip
    assert ran.stdout.strip() == str(tmp_path / "keys" / "seal"), ran.stderr


def test_kill_hits_only_the_processes_of_its_own_copy(running_state: Path, tmp_path: Path) -> None:
    sleeping = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
    ours, theirs = sleeping
    try:
        launcher_state.record(running_state, {"worker": ours.pid})
        ran = call("kill", "worker", cwd=tmp_path, REPRISE_STATE="state")
        assert ran.returncode == 0, ran.stderr
        assert ours.wait() == -signal.SIGKILL
        assert theirs.poll() is None
        launcher_state.record(running_state, {"web": theirs.pid})
        ran = call("kill", "web", "--signal", "term", cwd=tmp_path, REPRISE_STATE="state")
        assert theirs.wait() == -signal.SIGTERM
    finally:
        for process in sleeping:
            process.kill()
            process.wait()


def test_kill_says_what_runs_where_a_name_is_wrong(running_state: Path, tmp_path: Path) -> None:
    launcher_state.record(running_state, {"worker": os.getpid()})
    ran = call("kill", "wroker", cwd=tmp_path, REPRISE_STATE="state")
    assert ran.returncode == 1
    assert ran.stderr == "ops/kill: No process wroker. Running: worker.\n"


def test_packages_that_people_install_stay(tmp_path: Path) -> None:
    clone = Clone(ROOT, tmp_path, tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone.venv], check=True)
    library = next((clone.venv / "lib").glob("python*/site-packages"))
    shutil.copytree(Path(pytest.__file__).parent.parent / "pip", library / "pip")
    own = library / "own_kind-1.0.dist-info"
    own.mkdir()
    (own / "METADATA").write_text("Metadata-Version: 2.1\nName: own-kind\nVersion: 1.0\n")
    (own / "RECORD").write_text("own_kind-1.0.dist-info/METADATA,,\n")
    (own / "INSTALLER").write_text("pip\n")
    stamps.write(clone.venv / "reprise.json", client="of long ago")
    venv.ensure(clone, "client")
    assert (own / "METADATA").exists()


@pytest.mark.timeout(600)
def test_a_host_is_installed_and_serves_without_ops_up(services: Services, tmp_path: Path) -> None:
    installed = call("install", cwd=tmp_path, REPRISE_STATE="state")
    assert installed.returncode == 0, installed.stderr
    with services.database() as url:
        port = str(ports.free())
        env = {
            **os.environ, "REPRISE_STATE": "state", "DATABASE_URL": url, "PORT": port,
            "REDIS_URL": services.valkey.url, "BIND": "127.0.0.2",
            "REPRISE_ALLOWED_HOSTS": "127.0.0.2",
        }  # fmt: skip
        command = tethered([str(OPS / "run"), "web"], signal.SIGTERM, parent=os.getpid())
        web = subprocess.Popen(command, cwd=tmp_path, env=env)
        try:
            until(lambda: answers(f"http://127.0.0.2:{port}/readyz"), "the pages")
        finally:
            web.terminate()
            assert web.wait() == 0


def answers(url: str) -> bool:
    try:  # there is no sweeper here, so it is not ready as a whole
        ready = httpx.get(url, trust_env=False, timeout=5).json()
        return bool(ready["pages"]["ok"] and ready["database"]["ok"] and ready["redis"]["ok"])
    except httpx.HTTPError:
        return False
