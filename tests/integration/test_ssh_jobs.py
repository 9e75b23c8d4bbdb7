"""Jobs on hosts that fail, each in its own way: what the log says of them, and what is left."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from jobs import commands
from jobs.models import Target
from tests.acceptance.process_search import with_environment
from tests.integration.updates import Told, work
from tests.support.people import People
from tests.support.sshd import Yard, keygen, yard
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

PATIENT = "echo here; sleep 1000 & wait"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path / "yard", hosts=3) as made, made.config(silence=2.0):
        yield made


def target(name: str, address: str, **variables: Any) -> str:
    Target.objects.create(name=name, transport="ssh", address=address, variables=variables)
    return name


def submit(people: People, command: str, targets: list[str], **how: Any) -> UUID:
    params = {"targets": targets, "command": command, "max_failures": 10, "canary": 0, **how}
    return commands.submit(people.root.principal, "command", params)[0].pk


def spoke(job: UUID, count: int = 1) -> bool:
    return len(Told.of(job).of_type("step.output")) == count


def test_every_way_to_fail_has_its_own_event(people: People, hosts: Yard, tmp_path: Path) -> None:
    good, other, unknown = hosts.hosts
    keygen(tmp_path / "stranger")
    taken = good.known.replace(str(good.port), str(other.port))  # another's key under its name
    hosts.known_hosts.write_text(good.known + taken)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        targets = [
            target("good", good.address),
            target("wrong", other.address),
            target("unknown", unknown.address),
            target("refused", good.address, ssh_keys=[str(tmp_path / "stranger")]),
            target("gone", f"ssh://127.0.0.1:{unused.getsockname()[1]}"),
        ]
        [told] = work(submit(people, "echo hello", targets))
        mute = target("silent", f"ssh://127.0.0.1:{silent.getsockname()[1]}")
        config = settings.REPRISE.with_changes(ssh_connect_seconds=2.0)
        with override_settings(REPRISE=config):  # too little for those that answer
            [unheard] = work(submit(people, "echo hello", [mute]))
    assert told.output("good", "run") == "hello\n"
    errors = {event.target: event.data["error"]["type"] for event in told.of_type("step.failed")}
    assert errors == {
        "wrong": "HostKeyWrong",
        "unknown": "HostKeyUnknown",
        "refused": "KeyRefused",
        "gone": "HostUnreachable",
    }
    assert told.ending.data["failed_targets"] == targets[1:]
    [failed] = unheard.of_type("step.failed")
    assert failed.data["error"]["type"] == "HostHung"


def test_a_host_that_dies_and_one_that_hangs_in_mid_command(people: People, hosts: Yard) -> None:
    targets = [target(f"box-{number}", host.address) for number, host in enumerate(hosts.hosts)]
    job = submit(people, PATIENT, targets[:2])

    def harm() -> None:
        until(lambda: spoke(job, 2), "both commands")
        hosts.hosts[0].send(signal.SIGKILL)
        hosts.hosts[1].send(signal.SIGSTOP)

    [told] = work(job, meanwhile=harm)
    errors = {event.target: event.data["error"]["type"] for event in told.of_type("step.failed")}
    assert errors == {"box-0": "HostLost", "box-1": "HostHung"}
    until(lambda: not with_environment(REPRISE_JOB=str(job)), "the end of both commands")


def test_a_lost_host_is_tried_again_where_the_policy_says_so(people: People, hosts: Yard) -> None:
    script = f"mkdir {hosts.folder}/once && {{ echo here; sleep 1000; }}; echo there"
    job = submit(people, script, [target("box", hosts.hosts[0].address)], retries=1)

    def harm() -> None:
        until(lambda: spoke(job), "the command")
        hosts.hosts[0].send(signal.SIGKILL)

    [told] = work(job, meanwhile=harm)
    [retried] = told.of_type("step.retried")
    assert retried.data["error"]["type"] == "HostLost"
    assert told.ending.type == "job.succeeded"


def test_a_stopped_job_ends_its_commands_on_the_hosts(people: People, hosts: Yard) -> None:
    targets = [target(f"box-{number}", host.address) for number, host in enumerate(hosts.hosts)]
    job = submit(people, PATIENT, targets)

    def stop() -> None:
        until(lambda: spoke(job, 3), "all commands")
        commands.cancel(people.root.principal, job)

    config = settings.REPRISE.with_changes(cancel_grace_seconds=0.5)
    with override_settings(REPRISE=config):
        [told] = work(job, meanwhile=stop)
    assert told.ending.type == "job.cancelled"
    assert with_environment(REPRISE_JOB=str(job)) == {}
