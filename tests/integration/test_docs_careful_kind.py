"""The kind of the second tutorial: run, killed twice, approved, and refused once it has changed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.models import Job
from tests.integration.test_docs_kinds import ROOT, kind, staff, submit, swept, worker, written
from tests.integration.updates import Told, take_stock, work
from tests.support.fleet_process import RunningFleet, fleet
from tests.support.waiting import until

__all__ = ["kind", "staff"]  # fixtures
pytestmark = pytest.mark.usefixtures("database")
TUTORIAL = ROOT / "docs" / "tutorial" / "careful-kind.md"
THREE = ["gs-001", "gs-002", "gs-003"]


@pytest.fixture
def running(database: str, redis: str, tmp_path: Path) -> Iterator[RunningFleet]:
    with fleet(tmp_path / "fleet", servers=3) as one:
        take_stock(one)
        yield one


def at_its_gate(job: UUID) -> bool:
    """Deliver what is due; whether the job waits for somebody's word."""
    swept(job)
    return Job.objects.get(pk=job).parked


def test_the_drill_is_killed_twice_and_ends_well(
    kind: Callable[[Path], str],
    staff: Principal,
    running: RunningFleet,
    database: str,
    tmp_path: Path,
) -> None:
    path = kind(TUTORIAL)
    running.fail("gs-001", "drain")
    running.fail("gs-002", "drain", how="hang")
    job = submit(staff, "drill", servers=THREE)
    with worker(database, path, tmp_path) as process:
        until(lambda: at_its_gate(job), "the gate")
        process.send_signal(signal.SIGKILL)
        process.wait()
    steer.approve(staff, job, reason="looks well")
    with worker(database, path, tmp_path) as process:
        until(lambda: "hangs" in Told.of(job).output("gs-002", "drain"), "the drain that hangs")
        process.send_signal(signal.SIGKILL)
        process.wait()

    [told] = work(job, meanwhile=lambda: until(lambda: swept(job), "the end"))
    assert told.ending.data["message"] == "3 servers were out of play and are back."
    assert told.ending.attempt == 3
    assert told.steps("step.started", "gs-001") == ["drain", "drain", "undrain"]
    [retried] = told.of_type("step.retried")
    assert (retried.target, retried.data["try"]) == ("gs-001", 1)
    assert told.steps("step.started", "gs-002") == ["drain", "drain", "undrain"]
    assert told.steps("step.succeeded", "gs-002") == ["drain", "undrain"]
    assert not any(running.is_draining(name) for name in THREE)


def test_the_drill_lets_players_back_where_a_server_fails(
    kind: Callable[[Path], str], staff: Principal, running: RunningFleet
) -> None:
    kind(TUTORIAL)
    running.fail("gs-001", "undrain", times=4)
    [told] = work(submit(staff, "drill", servers=THREE))
    assert told.ending.data == {"message": "Not drilled: gs-001.", "failed_targets": ["gs-001"]}
    assert told.steps("step.succeeded", "gs-001") == ["drain", "undo drain"]
    assert not running.is_draining("gs-001")


def test_the_drill_that_was_changed_meanwhile_is_left(
    kind: Callable[[Path], str], staff: Principal, running: RunningFleet, tmp_path: Path
) -> None:
    kind(TUTORIAL)
    job = submit(staff, "drill", servers=THREE)
    changed = tmp_path / "changed.md"
    text = TUTORIAL.read_text().replace('run.step("drain"', 'run.step("empty"')
    changed.write_text(text.replace('"""Take', '"""Changed: take'))  # of another length

    def change() -> None:
        until(lambda: at_its_gate(job), "the gate")
        sys.modules.pop("drill")
        with written(changed, tmp_path):
            steer.approve(staff, job)
            until(lambda: Told.of(job).of_type("job.waiting"), "the run that is left")
            steer.cancel(staff, job)
            until(lambda: swept(job), "the end")

    [told] = work(job, meanwhile=change)
    [left] = told.of_type("job.waiting")
    assert left.data["waits"][0]["reason"] in changed_words(TUTORIAL)
    assert left.attempt == 2
    assert told.steps("step.started", "gs-002") == []


def changed_words(page: Path) -> str:
    """Return what the page quotes, in one line."""
    lines = page.read_text().splitlines()
    return " ".join(line.removeprefix("> ") for line in lines if line.startswith("> "))
