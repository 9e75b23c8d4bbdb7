"""A run that a worker's code cannot go on with is left to a worker whose code can."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from django.test import Client
from pydantic import BaseModel

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.events import EventType
from jobs.kinds import registry
from jobs.kinds.code_version import version_of
from jobs.models import Job
from jobs.queue import live_workers
from tests.integration import runs
from tests.integration.deployed import at_gate, deployed, deployments, parked_at_gate, ran

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with deployments():
        yield


@pytest.fixture
def who(database: str) -> Principal:
    return runs.operator()


def is_left(row: Job) -> bool:
    return row.status == "waiting" and row.lease_until is None


def is_left_by(version: str, row: Job) -> bool:
    return is_left(row) and version in row.waiting_for[0]["versions"]


async def test_it_is_left_and_says_why(who: Principal) -> None:
    job = await parked_at_gate(who)
    async with deployed("2", at_gate("fetch", "exchange")):
        row = await runs.until_row(job, is_left)
    [wait] = row.waiting_for
    assert (wait["for"], wait["kind"], wait["versions"]) == ("kind", "test-script", ["2"])
    assert "its log has the step switch next" in wait["reason"]
    assert ran == []
    assert await in_thread(live_workers.unknown_kinds) == {"test-script": 1}
    client = Client(HTTP_HOST="localhost")
    await in_thread(client.force_login, who.user)
    answer = await in_thread(client.get, f"/api/jobs/{job}")
    assert answer.json()["waiting_for"][0]["reason"] == wait["reason"]


async def test_a_worker_with_the_code_that_it_began_with_ends_it(who: Principal) -> None:
    job = await parked_at_gate(who)
    for version in ("2", "3"):
        async with deployed(version, at_gate("fetch", "exchange")):
            row = await runs.until_row(job, partial(is_left_by, version))
    assert row.waiting_for[0]["versions"] == ["2", "3"]
    async with deployed("1", at_gate("fetch", "switch")):
        await runs.until(job, "succeeded")
    assert ran == ["tell"]


async def test_a_version_tries_once(who: Principal) -> None:
    job = await parked_at_gate(who)
    for _ in range(2):
        async with deployed("2", at_gate("exchange")):
            await runs.until_row(job, is_left)
            other = await runs.submit(who, at_gate("exchange"))
            await runs.parked(other)
    left = [
        event
        for event in await runs.events(job, EventType.JOB_WAITING)
        if event.data["for"] == "kind"
    ]
    assert len(left) == 1
    versions = {"test-script": "2"}
    assert await in_thread(live_workers.waiting_jobs, versions, 8) == []
    assert await in_thread(live_workers.waiting_jobs, {"test-script": "1"}, 8) == [job]


async def test_it_can_be_stopped_by_any_worker(who: Principal) -> None:
    job = await parked_at_gate(who)
    async with deployed("2", at_gate("exchange")):
        await runs.until_row(job, is_left)
        await in_thread(commands.cancel, who, job)
        row = await runs.until(job, "cancelled", "failed")
    assert row.status == "cancelled"


class Hosts(BaseModel):
    """Parameters whose field was renamed."""

    hosts: list[str]


async def test_parameters_that_do_not_fit_any_more_are_such_a_reason(
    who: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await parked_at_gate(who)
    monkeypatch.setattr(runs.Script, "Params", Hosts)
    registry._find_kinds.cache_clear()
    async with deployed("2", at_gate("fetch", "switch")):
        row = await runs.until_row(job, is_left)
    assert "its parameters do not fit. hosts: Field required." in row.waiting_for[0]["reason"]


async def test_a_run_with_too_many_events_fails_as_before(who: Principal) -> None:
    job = await parked_at_gate(who)
    with runs.scripts(job_events=3):
        async with deployed("1", at_gate("fetch", "switch")):
            row = await runs.until(job, "failed")
    assert "more than 3 events" in row.message


def test_a_kind_has_a_version_of_its_own_or_its_packages() -> None:
    kind = registry.get_kind("load")
    assert version_of(kind) == version_of(registry.get_kind("command"))
    assert len(version_of(kind)) == 12
    runs.Script.version = "2026.11"
    assert registry.kind_versions()["test-script"] == "2026.11"
