"""Rollouts are careful: a failed canary ends them; an approval may take another person."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from core.db import in_thread
from core.errors import Forbidden
from jobs import commands, log
from jobs.access import tokens, visibility
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.events import EventType, NewEvent
from jobs.kinds.command.kind import Command
from jobs.models import Job, Target
from jobs.run import Run
from tests.integration import runs
from tests.integration.test_run_rollout import FIVE, Fleet, result, rolls
from tests.support.factories import make_team, make_user

pytestmark = pytest.mark.usefixtures("database", "scripts")


@pytest.mark.parametrize("canary", [1, 2])
@pytest.mark.parametrize("tolerated", [1, 5, 100])
async def test_a_canary_that_fails_ends_the_rollout_however_many_failures_are_tolerated(
    who: Principal, canary: int, tolerated: int
) -> None:
    fleet = Fleet("fetch gs-1")
    how: dict[str, Any] = {"batch": 2, "canary": canary, "max_failures": tolerated}
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, **how, steps=("fetch", "switch")))
        await runs.until(job, "succeeded")
    got = await result(job)
    assert (got["failed"], got["skipped"]) == (["gs-1"], FIVE[canary:])
    skipped = await runs.events(job, "step.skipped")
    assert {event.data["reason"] for event in skipped} == {"stopped after a canary failed"}


async def test_nobody_is_asked_after_a_canary_that_failed(who: Principal) -> None:
    fleet = Fleet("fetch gs-1")
    async with runs.working():
        handler = rolls(fleet, canary=1, max_failures=5, pause_after_canary=True)
        job = await runs.submit(who, handler)
        await runs.until(job, "succeeded")
    assert await runs.events(job, "job.approval_requested") == []
    assert (await result(job))["skipped"] == FIVE[1:]


async def test_without_others_or_canaries_a_failure_is_only_counted(who: Principal) -> None:
    ways: list[dict[str, Any]] = [{"canary": 0, "batch": 1}, {"canary": 5}]
    for how in ways:
        fleet = Fleet("fetch gs-1")
        async with runs.working():
            job = await runs.submit(who, rolls(fleet, max_failures=5, **how))
            await runs.until(job, "succeeded")
        assert (await result(job))["done"] == FIVE[1:]


async def test_a_batch_that_an_older_reprise_began_after_a_failed_canary_is_finished(
    who: Principal,
) -> None:
    fleet = Fleet("fetch gs-1")
    job = await runs.submit(who, rolls(fleet, batch=2, canary=1, max_failures=5))
    failed = {"try": 1, "occurrence": 1, "seconds": 1, "error": {"type": "E", "message": "broken"}}
    begun = {"try": 1, "occurrence": 1}
    told = [
        NewEvent(EventType.ATTEMPT_STARTED, {"worker": "old/1"}),
        NewEvent(EventType.STEP_STARTED, begun, "fetch", "gs-1"),
        NewEvent(EventType.STEP_FAILED, failed, "fetch", "gs-1"),
        NewEvent(EventType.STEP_STARTED, begun, "undo fetch", "gs-1"),
        NewEvent(EventType.STEP_SUCCEEDED, begun | {"seconds": 1}, "undo fetch", "gs-1"),
        NewEvent(EventType.STEP_STARTED, begun, "fetch", "gs-2"),
    ]
    await in_thread(log.append, job, told, actor="worker:old/1")
    async with runs.working():
        await runs.until(job, "succeeded")
    got = await result(job)
    assert (got["done"], got["skipped"]) == (["gs-2", "gs-3"], ["gs-4", "gs-5"])


def commander(name: str) -> Principal:
    return visibility.of_user(make_user(name, "commander", make_team()))


def by_token(who: Principal) -> Principal:
    token, _raw = tokens.make_token(who.user, "script")
    return Principal(who.user, f"token:{who.user.get_username()}/script", token=token.pk)


async def asked(who: Principal, **params: Any) -> Job:
    """Submit a command that waits after its canary; return its job once it does."""

    def submit() -> Job:
        for name in FIVE:
            Target.objects.get_or_create(name=name)
        values = {"targets": FIVE, "command": "true", "pause_after_canary": True, **params}
        return commands.submit(who, Command.name, values)[0]

    job = await in_thread(submit)
    return await runs.parked(job.pk)


@pytest.mark.parametrize("by", ["parameter", "installation"])
async def test_the_submitter_cannot_approve_where_parameter_or_installation_says_so(
    by: str,
) -> None:
    ann, bob = await in_thread(commander, "ann"), await in_thread(commander, "bob")
    config = settings.REPRISE.with_changes(four_eyes=by == "installation")
    with override_settings(REPRISE=config):
        async with runs.working():
            job = await asked(ann, **({"not_by_submitter": True} if by == "parameter" else {}))
            assert "somebody other than the submitter has to approve" in job.plan["words"]
            assert job.waiting_for[0]["not_by_submitter"] is True
            token = await in_thread(by_token, ann)
            for own in (ann, token):
                for answer in (steer.approve, steer.reject):
                    with pytest.raises(Forbidden, match="somebody else has to"):
                        await in_thread(answer, own, job.pk)
                assert not {"approve", "reject"} & set(
                    await in_thread(visibility.allowed_acts, own, job)
                )
            await in_thread(steer.approve, bob, job.pk)
            await runs.until(job.pk, "succeeded")


async def test_staff_who_submitted_cannot_approve_their_own_either() -> None:
    def root() -> Principal:
        return visibility.of_user(make_user("root", staff=True, team=make_team()))

    staff = await in_thread(root)
    async with runs.working():
        job = await asked(staff, not_by_submitter=True)
        with pytest.raises(Forbidden):
            await in_thread(steer.approve, staff, job.pk)
        await in_thread(commands.cancel, staff, job.pk)
        await runs.until(job.pk, "cancelled")


async def test_without_either_the_submitter_may_approve() -> None:
    ann = await in_thread(commander, "ann")
    async with runs.working():
        job = await asked(ann)
        assert "After gs-1 somebody has to approve." in job.plan["words"]
        await in_thread(steer.approve, ann, job.pk)
        await runs.until(job.pk, "succeeded")


async def test_the_installation_speaks_for_every_gate_also_those_that_are_open(
    who: Principal,
) -> None:
    async def does(run: Run) -> None:
        await run.gate("go", "Go on?")

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.parked(job)
        assert row.waiting_for[0]["not_by_submitter"] is False
        careful = override_settings(REPRISE=settings.REPRISE.with_changes(four_eyes=True))
        with careful, pytest.raises(Forbidden):
            await in_thread(steer.approve, who, job)
        await in_thread(steer.approve, who, job)
        await runs.until(job, "succeeded")
