"""More commands than a host has room for: waiting is visible, has its own limit, and costs none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from core import clock
from jobs import commands
from jobs.models import Target
from jobs.transports.ssh.connection import SESSIONS
from tests.integration.updates import Told, is_over, work
from tests.support.people import People
from tests.support.sshd import Yard, yard
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

LIMIT = 6
NAMES = [f"box-{number:02}" for number in range(1, SESSIONS + 5)]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path / "yard") as made, made.config(silence=20.0):
        for name in NAMES:
            Target.objects.create(name=name, transport="ssh", address=made.hosts[0].address)
        yield made


def submit(people: People, command: str, **how: Any) -> UUID:
    params = {"targets": NAMES, "command": command, "canary": 0, "batch": len(NAMES), **how}
    return commands.submit(people.root.principal, "command", params)[0].pk


def waits(job: UUID) -> list[str | None]:
    """Return the targets that have said that they wait for their host."""
    return [one.target for one in Told.of(job).of_type("step.started") if one.data.get("place")]


def test_the_time_limit_counts_from_the_commands_start(
    people: People, hosts: Yard, tmp_path: Path
) -> None:
    """They wait for longer than they may take: until others make room for them."""
    full, waiting, late = NAMES[:SESSIONS], NAMES[SESSIONS:], list[UUID]()
    before = submit(
        people, f"echo on; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done", targets=full
    )

    def wait_and_release() -> None:
        until(lambda: len(Told.of(before).of_type("step.output")) == SESSIONS, "a full host")
        late.append(job := submit(people, "true", targets=waiting, timeout_s=LIMIT))
        until(lambda: len(waits(job)) == 4, "those that wait")
        steps = Told.of(job).state.steps.values()
        assert {one.place for one in steps} == {f"127.0.0.1 port {hosts.hosts[0].port}"}
        over = clock.now() + timedelta(seconds=LIMIT)
        until(lambda: clock.now() > over, "the limit's end")
        (tmp_path / "go").touch()
        until(lambda: is_over(job), "the end of those that waited")

    work(before, meanwhile=wait_and_release)
    told = Told.of(late[0])
    assert told.of_type("step.failed") == []
    assert told.ending.type == "job.succeeded"
    for name in waiting:
        first, place, begun = told.of_type("step.started", name)
        assert (place.data["for"], "place" in first.data, "place" in begun.data) == (
            "place", False, False,
        )  # fmt: skip
        [ended] = told.of_type("step.succeeded", name)
        assert ended.data["seconds"] < LIMIT
    assert not [one for one in told.state.steps.values() if one.place]


def test_waiting_has_a_limit_of_its_own(people: People, hosts: Yard, tmp_path: Path) -> None:
    job = submit(people, f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done", max_failures=4)

    def release() -> None:
        until(lambda: len(Told.of(job).of_type("step.failed")) == 4, "those that have waited")
        (tmp_path / "go").touch()

    config = settings.REPRISE.with_changes(ssh_place_seconds=1.5)
    with override_settings(REPRISE=config):
        [told] = work(job, meanwhile=release)
    errors = [one.data["error"] for one in told.of_type("step.failed")]
    assert {one["type"] for one in errors} == {"HostBusy"}
    assert all("had no room for one more command within 1.5 s" in one["message"] for one in errors)
    assert len(told.of_type("step.succeeded")) == SESSIONS
