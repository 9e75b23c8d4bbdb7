"""A version update over ssh: the same run, its servers on three hosts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.updates import Told, operator, submit, take_stock, work
from tests.support.fleet_process import RunningFleet, fleet
from tests.support.sshd import Yard, yard
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

THREE = ["gs-001", "gs-002", "gs-003"]
STEPS = ["preflight", "drain", "fetch", "switch", "restart", "health", "undrain"]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path / "yard", hosts=3) as made, made.config():
        yield made


@pytest.fixture
def running(hosts: Yard, tmp_path: Path) -> Iterator[RunningFleet]:
    with fleet(tmp_path / "fleet", servers=3) as one:
        take_stock(one, [host.address for host in hosts.hosts])
        yield one


def test_an_update_goes_over_ssh_as_it_goes_here(running: RunningFleet, hosts: Yard) -> None:
    running.fail("gs-002", "health")
    [told] = work(submit(operator(), THREE, batch=2))
    assert told.ending.data["failed_targets"] == ["gs-002"]
    assert [running.version(name)["version"] for name in THREE] == ["1.5.0", "1.4.0", "1.5.0"]
    assert told.steps("step.succeeded", "gs-001") == STEPS
    assert told.steps("step.started", "gs-002") == [*STEPS[:-1], "rollback"]
    [failed] = told.of_type("step.failed", "gs-002")
    assert failed.data["error"]["type"] == "CommandFailed"
    assert "gs-002 is not healthy after 5 tries" in failed.data["error"]["message"]
    assert "told to fail on the control port" in told.output("gs-002", "health")
    assert [host.connections for host in hosts.hosts] == [1, 1, 1]


def test_a_host_that_dies_in_mid_step_fails_and_is_rolled_back(
    running: RunningFleet, hosts: Yard
) -> None:
    running.fail("gs-001", "switch", how="hang")
    job = submit(operator(), ["gs-001"])

    def die() -> None:
        until(lambda: "switch" in Told.of(job).steps("step.started", "gs-001"), "the switch")
        until(lambda: hosts.hosts[0].commands("ctl.py"), "its command")
        hosts.hosts[0].send(signal.SIGKILL)

    [told] = work(job, meanwhile=die)
    [failed] = told.of_type("step.failed", "gs-001")
    assert (failed.step, failed.data["error"]["type"]) == ("switch", "HostLost")
    assert told.steps("step.succeeded", "gs-001")[-1] == "rollback"
    assert running.version("gs-001")["version"] == "1.4.0"
    assert hosts.hosts[0].connections == 2
