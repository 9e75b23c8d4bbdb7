"""A run that a worker's code cannot go on with is left to a worker whose code can."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from uuid import UUID

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
from jobs.run import Run, attempt
from tests.integration import runs
from tests.integration.deployed import (
    Handler,
    at_gate,
    deployed,
    deployments,
    note,
    parked_at_gate,
    ran,
)

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with deployments():
        yield


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


def in_branches(first: Sequence[str], second: Sequence[str], turns: int = 20) -> Handler:
    """Return a handler with a branch a target, of which the second needs more turns of the loop."""

    async def steps(run: Run, target: str, names: Sequence[str], turns: int) -> None:
        for name in names:
            for _ in range(turns):
                await asyncio.sleep(0)
            await run.step(name, note, target)

    async def does(run: Run) -> None:
        await run.gather(steps(run, "a", first, 0), steps(run, "b", second, turns))
        await run.gate("go")

    return does


async def parked_after_branches(who: Principal) -> UUID:
    before = in_branches(["fetch"], ["fetch", "switch"])
    async with deployed("1", before):
        job = await runs.submit(who, before)
        await runs.parked(job)
    await in_thread(commands.approve, who, job)
    ran.clear()
    return job


async def test_no_branch_does_something_new_before_another_finds_that_the_code_does_not_fit(
    who: Principal,
) -> None:
    job = await parked_after_branches(who)
    async with deployed("2", in_branches(["fetch", "tell"], ["fetch", "exchange"])):
        row = await runs.until_row(job, is_left)
    assert "the step switch on b next" in row.waiting_for[0]["reason"]
    assert ran == []
    begun = await runs.events(job, EventType.STEP_STARTED)
    assert [event.attempt for event in begun] == [1] * len(begun)


async def test_a_branch_goes_on_once_the_others_have_asked_for_what_is_recorded(
    who: Principal,
) -> None:
    job = await parked_after_branches(who)
    async with deployed("2", in_branches(["fetch", "tell"], ["fetch", "switch"])):
        await runs.until(job, "succeeded")
    assert ran == ["tell"]


async def test_a_branch_that_others_wait_for_goes_on_after_a_while(
    who: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "HOLD_SECONDS", 0.05)
    job, told = await parked_after_branches(who), asyncio.Event()

    async def does(run: Run) -> None:
        async def first() -> None:
            await run.step("fetch", note, "a")
            await run.step("tell", note, "a")
            told.set()

        async def second() -> None:
            await run.step("fetch", note, "b")
            await told.wait()
            await run.step("switch", note, "b")

        await run.gather(first(), second())
        await run.gate("go")

    async with deployed("2", does):
        await runs.until(job, "succeeded")
    assert ran == ["tell"]


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
