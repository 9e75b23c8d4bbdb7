"""The job kinds that the README and the tutorial have people write: run, killed, resumed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from core.errors import InvalidParams
from jobs import commands
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.models import Target
from tests.integration.updates import Told, is_over, work
from tests.support.factories import make_team, make_user
from tests.support.sweeps import sweep_once
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database")
ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial" / "first-job-kind.md"


@contextmanager
def written(page: Path, folder: Path) -> Iterator[str]:
    """Save the page's Python as the page says, name it as the page says; yield that name."""
    text = page.read_text()
    block = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = re.search(r"Save this as `(\w+\.py)`", text)
    named = re.search(r"^REPRISE_KINDS=(\S+) (?:\S+ )?\./ops/up$", text, re.MULTILINE)
    assert block
    assert file
    assert named
    (folder / file[1]).write_text(block[1])
    config = settings.REPRISE.with_changes(lease_seconds=3, sweep_seconds=0.2)
    registry._find_kinds.cache_clear()
    try:
        with override_settings(REPRISE_KINDS=(named[1],), REPRISE=config):
            yield named[1]
    finally:
        registry._find_kinds.cache_clear()
        sys.modules.pop(file[1].removesuffix(".py"), None)


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], str]]:
    """Make the kind of a page known for this test; return its dotted path."""
    monkeypatch.syspath_prepend(tmp_path)
    with ExitStack() as stack:
        yield lambda page: stack.enter_context(written(page, tmp_path))


@pytest.fixture
def staff() -> Principal:
    return visibility.of_user(make_user(team=make_team(), staff=True))


def submit(who: Principal, name: str, **params: Any) -> UUID:
    return commands.submit(who, name, params)[0].pk


def test_the_kind_of_the_readme_backs_up_folders(
    kind: Callable[[Path], str], staff: Principal, tmp_path: Path
) -> None:
    kind(README)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / f"{folder.name}.txt").write_text("kept")
    names = [str(folder) for folder in folders]
    [told] = work(submit(staff, "backup", folders=names, into=str(tmp_path)))
    assert told.state.summary.status == "succeeded"
    assert (told.state.summary.done, told.state.summary.total) == (2, 2)
    for number, folder in enumerate(folders, 1):
        with tarfile.open(tmp_path / f"{number}.tar.gz") as archive:
            assert any(name.endswith(f"{folder.name}.txt") for name in archive.getnames())
        assert f"{folder.name}.txt" in told.output(str(folder), "archive")


def test_the_kind_of_the_readme_says_which_folder_it_could_not_back_up(
    kind: Callable[[Path], str], staff: Principal, tmp_path: Path
) -> None:
    kind(README)
    gone = str(tmp_path / "gone")
    [told] = work(submit(staff, "backup", folders=[gone], into=str(tmp_path)))
    assert told.ending.type == "job.failed"
    assert told.ending.data["failed_targets"] == [gone]


class Healthy(BaseHTTPRequestHandler):
    """Counts who was asked (by the path before /healthz) and answers 200, but for the broken."""

    asked: ClassVar[Counter[str]] = Counter()
    broken: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        name = self.path.split("/")[1]
        self.asked[name] += 1
        self.send_response(503 if name in self.broken else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def servers() -> Iterator[list[str]]:
    """Three servers in the inventory that answer to health checks."""
    Healthy.asked.clear()
    Healthy.broken.clear()
    names = ["gs-001", "gs-002", "gs-003"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        for name in names:
            address = f"http://127.0.0.1:{server.server_port}/{name}/"
            Target.objects.create(name=name, address=address)
        Thread(target=server.serve_forever, daemon=True).start()
        yield names
        server.shutdown()


def test_the_kind_of_the_tutorial_watches_servers(
    kind: Callable[[Path], str], staff: Principal, servers: list[str]
) -> None:
    kind(TUTORIAL)
    [told] = work(submit(staff, "soak", servers=servers, seconds=1))
    assert told.ending.data["message"] == "3 servers were healthy all the time."
    assert list(told.ending.data["result"]["slowest_ms"]) == servers


def test_the_kind_of_the_tutorial_names_the_server_that_failed(
    kind: Callable[[Path], str], staff: Principal, servers: list[str]
) -> None:
    kind(TUTORIAL)
    Healthy.broken.add("gs-002")
    [told] = work(submit(staff, "soak", servers=servers, seconds=1))
    assert told.ending.data == {
        "message": "Not healthy all the time: gs-002.",
        "failed_targets": ["gs-002"],
    }
    assert told.state.summary.failed == 1


def test_the_kind_of_the_tutorial_refuses_a_server_that_is_not_there(
    kind: Callable[[Path], str], staff: Principal, servers: list[str]
) -> None:
    kind(TUTORIAL)
    with pytest.raises(InvalidParams) as refused:
        submit(staff, "soak", servers=[*servers, "gs-404"])
    assert refused.value.errors == [
        {"pointer": "/servers/3", "detail": "There is no server gs-404."}
    ]


def test_the_kind_of_the_tutorial_goes_on_after_its_worker_was_killed(
    kind: Callable[[Path], str], staff: Principal, servers: list[str], database: str, tmp_path: Path
) -> None:
    path = kind(TUTORIAL)
    job = submit(staff, "soak", servers=servers, seconds=2)
    with worker(database, path, tmp_path) as process:
        until(lambda: Told.of(job).steps("step.started", "gs-002") != [], "the second server")
        process.send_signal(signal.SIGKILL)
        process.wait()
    asked = Healthy.asked["gs-001"]

    [told] = work(job, meanwhile=lambda: until(lambda: swept(job), "the second attempt's end"))
    assert told.ending.data["message"] == "3 servers were healthy all the time."
    assert told.ending.attempt == 2
    assert Healthy.asked["gs-001"] == asked
    assert told.steps("step.started", "gs-001") == ["watch"]
    assert told.steps("step.started", "gs-002") == ["watch", "watch"]


def swept(job: UUID) -> bool:
    """Do the sweeper's work once; return whether the job has ended."""
    sweep_once()
    return is_over(job)


@contextmanager
def worker(database: str, kind: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a process of its own, which finds the kind by its environment."""
    env = os.environ | {
        "DATABASE_URL": database,
        "PYTHONPATH": str(folder),
        "REPRISE_KINDS": kind,
        "REPRISE_LEASE_SECONDS": "3",
        "REPRISE_STATE": str(folder / "state"),
    }
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
