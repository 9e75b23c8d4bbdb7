"""Version updates of a real fleet by a real worker: all well, failures, the threshold."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.updates import Told, operator, submit, take_stock, work
from tests.support.fleet_process import RunningFleet, fleet

pytestmark = pytest.mark.usefixtures("database", "redis")

SIX = [f"gs-00{number}" for number in range(1, 7)]
FOUR = SIX[:4]
STEPS = ["preflight", "drain", "fetch", "switch", "restart", "health", "undrain"]


@pytest.fixture
def running(database: str, tmp_path: Path) -> Iterator[RunningFleet]:
    with fleet(tmp_path / "fleet", servers=6) as one:
        take_stock(one)
        yield one


def update(*servers: str, version: str = "1.5.0", **how: int) -> Told:
    [told] = work(submit(operator(), servers or FOUR, version, **how))
    return told


def versions(running: RunningFleet) -> list[str]:
    return [running.version(name)["version"] for name in FOUR]


def span(told: Told, name: str) -> tuple[int, int]:
    """Return the seqs between which a server was worked on."""
    started, ended = told.of_type("step.started", name), told.of_type("step.succeeded", name)
    return started[0].seq, ended[-1].seq


def test_all_well(running: RunningFleet) -> None:
    told = update(batch=2)
    assert told.ending.type == "job.succeeded"
    assert told.ending.data["message"] == "4 servers run 1.5.0."
    assert versions(running) == ["1.5.0"] * 4
    assert [running.version(name)["restarts"] for name in FOUR] == [1] * 4
    for name in FOUR:
        assert told.steps("step.started", name) == STEPS
        assert told.steps("step.succeeded", name) == STEPS
    assert [tuple(event.data.values()) for event in told.of_type("job.progressed")] == [
        (done, 4, 0) for done in (1, 2, 3, 4)
    ]
    canary, one, other, last = (span(told, name) for name in FOUR)
    assert canary[1] < min(one[0], other[0])  # first and alone
    assert max(one[0], other[0]) < min(one[1], other[1])  # together
    assert max(one[1], other[1]) < last[0]


def test_a_server_that_fails_is_rolled_back_and_the_run_goes_on(running: RunningFleet) -> None:
    running.fail("gs-002", "health")
    told = update(batch=2)
    assert told.ending.type == "job.failed"
    assert told.ending.data["failed_targets"] == ["gs-002"]
    assert told.ending.data["message"] == (
        "1 of 4 servers failed: gs-002. 3 of 4 servers run 1.5.0 now."
    )
    assert versions(running) == ["1.5.0", "1.4.0", "1.5.0", "1.5.0"]
    assert told.steps("step.started", "gs-002") == [*STEPS[:-1], "rollback"]
    [failed] = told.of_type("step.failed", "gs-002")
    assert "gs-002 is not healthy after 5 tries" in failed.data["error"]["message"]
    assert "told to fail on the control port, try 3 of 5" in told.output("gs-002", "health")
    assert not running.is_draining("gs-002")
    assert tuple(told.of_type("job.progressed")[-1].data.values()) == (4, 4, 1)
    assert running.version("gs-002")["restarts"] == 2


def test_past_the_threshold_the_rest_is_left_alone(running: RunningFleet) -> None:
    running.fail("gs-001", "fetch")
    told = update(max_failures=0, batch=2)
    assert told.ending.type == "job.failed"
    assert told.ending.data["message"] == (
        "The run stopped: 1 of 4 servers failed: gs-001. 0 of 4 servers run 1.5.0 now."
    )
    assert versions(running) == ["1.4.0"] * 4
    for name in FOUR[1:]:
        assert told.steps("step.started", name) == []
        assert told.steps("step.skipped", name) == STEPS
    assert [running.version(name)["restarts"] for name in FOUR] == [0] * 4


def test_a_batch_is_finished_before_the_run_stops(running: RunningFleet) -> None:
    running.fail("gs-001", "drain")
    told = update("gs-001", "gs-002", "gs-003", max_failures=0, batch=2, canary=0)
    assert told.ending.data["failed_targets"] == ["gs-001"]
    assert versions(running)[:3] == ["1.4.0", "1.5.0", "1.4.0"]


def test_whatever_step_fails_the_server_ends_as_it_began(running: RunningFleet) -> None:
    at = dict(zip(SIX, ["drain", "fetch", "switch", "restart", "undrain"], strict=False))
    for name, step in at.items():
        running.fail(name, step)
    os.kill(running.version("gs-006")["pid"], signal.SIGSTOP)
    told = update(*SIX, canary=0, batch=6, max_failures=6)
    assert told.ending.data["failed_targets"] == SIX
    for name, step in at.items():
        assert told.steps("step.failed", name) == [step]
        assert told.steps("step.started", name) == [*STEPS[: STEPS.index(step) + 1], "rollback"]
        assert running.version(name)["version"] == "1.4.0"
        assert (running.folder(name) / "current").readlink().name == "1.4.0"
        assert not running.is_draining(name)
    restarts = [running.version(name)["restarts"] for name in at]
    assert restarts == [0, 0, 0, 2, 2]  # nobody is restarted who need not be
    [unreachable] = told.of_type("step.failed", "gs-006")
    url = running.servers["gs-006"]["url"]
    assert f"gs-006 did not answer at {url} within 10 s" in unreachable.data["error"]["message"]
    assert told.steps("step.started", "gs-006") == ["preflight"]  # and nothing to roll back


def test_the_broken_release_is_rolled_back(running: RunningFleet) -> None:
    told = update("gs-001", version="1.5.1-broken")
    assert "map canyon is missing" in told.of_type("step.failed")[0].data["error"]["message"]
    assert running.version("gs-001")["version"] == "1.4.0"


def test_a_rollback_that_fails_is_tried_again_and_then_told(running: RunningFleet) -> None:
    for name, times in {"gs-001": 1, "gs-002": 2}.items():
        running.fail(name, "switch")
        running.fail(name, "rollback", times=times)
    told = update("gs-001", "gs-002", canary=0)
    assert told.steps("step.failed", "gs-001") == ["switch", "rollback"]
    assert told.steps("step.succeeded", "gs-001")[-1] == "rollback"
    assert told.steps("step.failed", "gs-002") == ["switch", "rollback", "rollback"]
    assert "Could not be rolled back: gs-002." in told.ending.data["message"]


def test_a_failed_update_to_the_running_version_leaves_it(running: RunningFleet) -> None:
    who = operator()
    [first] = work(submit(who, ["gs-001"], "1.4.0"))
    assert first.ending.data["message"] == "1 server runs 1.4.0."
    assert running.version("gs-001")["restarts"] == 1
    running.fail("gs-001", "health")
    [second] = work(submit(who, ["gs-001"], "1.4.0"))
    assert second.ending.type == "job.failed"
    assert running.version("gs-001")["version"] == "1.4.0"
