"""What a command on a local target can get at in a copy that `ops/up` runs, with no setting.

The same ways lead somewhere in a copy that trusts its commands, so they are real ones.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from ops.trials import attacks
from tests.acceptance.up import ROOT, Up, running
from tests.support.waiting import until

# What a password holds even where commands are trusted.
HELD_ANYHOW = {"postgres_without_password", "valkey_without_password"}
OTHER = "987654"


@pytest.fixture(scope="module", params=["ours", "ordinary"] if os.geteuid() == 0 else ["ours"])
def isolated(request: pytest.FixtureRequest) -> Iterator[Up]:
    """A copy with no setting, with a command that runs in it."""
    with running(user=request.param) as up:
        start_other(up)
        yield up


@pytest.fixture(scope="module")
def trusted() -> Iterator[Up]:
    """A copy that trusts its commands, with one that runs in it."""
    with running({"REPRISE_LOCAL": "trusted"}) as up:
        start_other(up)
        yield up


def start_other(up: Up) -> None:
    """Have a seal key, and run a command on a server that no attack uses."""
    up.manage("seal", "--public-key")
    job = up.submit("command", targets=["gs-011"], command=["sh", "-c", f"echo on; sleep {OTHER}"])
    until(lambda: "on" in output(up, job), "the other command")


def output(up: Up, job: str) -> str:
    """Return what a job's commands have said so far."""
    return "".join(event["data"]["text"] for event in up.rows.events(job, "step.output"))


def known(up: Up) -> str:
    """Return what an attacker knows."""
    pids = json.loads((up.state / "processes.json").read_text())
    ports = {name: urlsplit(up.ready[f"{name}_url"]).port for name in ("database", "redis")}
    control = urlsplit(up.ready["fleet"][-1]["control"]).port
    return json.dumps(
        {
            "state": str(up.state), "folder": str(up.state / "fleet"), "worker": pids["worker"][0],
            "other": OTHER, "postgres": ports["database"], "valkey": ports["redis"],
            "control": control, "code": str(ROOT / "jobs"),
        }
    )  # fmt: skip


def attack(up: Up, way: str) -> tuple[bool, str]:
    """Try a way; return whether it led somewhere, and what the command said."""
    argv = [sys.executable, "-I", "-S", attacks.__file__, way, known(up)]
    job = up.submit("command", targets=["gs-001"], command=argv)
    until(lambda: up.rows.has_ended(job), lambda: up.said())
    said = output(up, job)
    assert said.startswith(way), said
    return "leads nowhere" not in said, said


def update_servers(up: Up) -> None:
    """Update three servers, which must work."""
    servers = up.servers[:3]
    job = up.update("1.5.0", servers)
    until(lambda: up.rows.has_ended(job), lambda: up.said())
    assert up.job(job)["status"] == "succeeded", output(up, job)
    assert {up.fleet.version(name)["version"] for name in servers} == {"1.5.0"}


@pytest.mark.parametrize("way", attacks.WAYS)
def test_a_command_gets_at_nothing_of_the_service(isolated: Up, way: str) -> None:
    led, said = attack(isolated, way)
    assert not led, said


@pytest.mark.parametrize("way", attacks.WAYS)
def test_a_trusted_command_gets_at_it(trusted: Up, way: str) -> None:
    led, said = attack(trusted, way)
    assert led == (way not in HELD_ANYHOW), said


def test_a_version_update_works(isolated: Up) -> None:
    update_servers(isolated)


def test_a_version_update_works_for_a_root_without_namespaces() -> None:
    with running(user="contained" if os.geteuid() == 0 else "ours") as up:
        update_servers(up)
