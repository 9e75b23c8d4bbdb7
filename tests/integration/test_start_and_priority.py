"""A job can be submitted for later, and before others."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from core import clock
from core.db import in_thread
from core.errors import InvalidParams
from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.events import parse
from jobs.models import Job
from jobs.queue import leases, rescue
from jobs.run import Run
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "redis", "scripts")


def later(who: Principal, hours: float = 1) -> UUID:
    moment = clock.now() + timedelta(hours=hours)
    return commands.submit(who, "test-script", {}, start_at=moment)[0].pk


def make_due(job: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update jobs_job set start_at = now(), due_at = now() where id = %s", [job])


def types(job: UUID) -> list[str]:
    return [parse(text).type for text in log.read(job).texts]


def test_a_job_for_later_says_when_and_nobody_takes_it_before(who: Principal) -> None:
    job = later(who)
    row = Job.objects.get(pk=job)
    [wait] = row.waiting_for
    assert (row.status, row.parked, row.due_at) == ("waiting", True, row.start_at)
    assert (wait["for"], wait["name"], clock.parse(wait["until"])) == ("timer", "start", row.due_at)
    assert parse(log.read(job).texts[0]).data["start_at"] == wait["until"]
    assert rescue.deliver_due() == 0
    assert leases.take_job(job, "eager/1") is None
    make_due(job)
    assert leases.take_job(job, "test/1") is not None
    assert types(job) == ["job.submitted", "job.waiting", "attempt.started"]


async def test_it_runs_when_its_moment_comes(who: Principal) -> None:
    async def does(run: Run) -> None:
        return None

    runs.Script.does = does
    job = await in_thread(later, who, 1 / 3600)
    async with runs.working():
        await runs.until(job, "succeeded")
    row = await in_thread(Job.objects.get, pk=job)
    assert row.started_at is not None
    assert row.start_at is not None
    assert row.started_at >= row.start_at


def test_cancelling_before_the_start_ends_it_at_once(who: Principal) -> None:
    job = later(who)
    commands.cancel(who, job)
    assert Job.objects.get(pk=job).status == "cancelled"


def test_pausing_and_resuming_before_the_start_does_not_begin_it(who: Principal) -> None:
    job = later(who)
    steer.pause(who, job)
    steer.resume(who, job)
    assert leases.take_job(job, "eager/1") is None
    assert rescue.deliver_due() == 0
    make_due(job)
    assert leases.take_job(job, "test/1") is not None


def test_the_api_takes_both_and_refuses_nonsense(who: Principal) -> None:
    client = Client(HTTP_HOST="localhost")
    client.force_login(who.user)

    def post(**members: object) -> tuple[int, dict[str, object]]:
        body = {"kind": "test-script", **members}
        answer = client.post("/api/jobs", body, content_type="application/json")
        return answer.status_code, answer.json()

    status, job = post(start_at="2999-01-01T10:00:00+02:00", priority=-3)
    assert status == 201
    assert (job["start_at"], job["priority"]) == ("2999-01-01T08:00:00.000000Z", -3)
    assert job["status"] == "waiting"
    for wrong in ({"priority": 11}, {"start_at": "2999-01-01T10:00:00"}, {"start_at": "soon"}):
        status, problem = post(**wrong)
        assert status in (400, 422), problem
    assert post()[1]["start_at"] is None


async def test_higher_priorities_are_served_first(who: Principal) -> None:
    order: list[UUID] = []

    async def does(run: Run) -> None:
        order.append(run.job)

    runs.Script.does = does
    jobs = [
        (await in_thread(commands.submit, who, "test-script", {}, priority=priority))[0].pk
        for priority in (0, -5, 7)
    ]
    with runs.scripts(limits={"test-script": 1}):
        async with runs.working():
            for job in jobs:
                await runs.until(job, "succeeded")
    assert order == [jobs[2], jobs[0], jobs[1]]


def test_a_start_in_the_past_is_refused_unless_asked_for(who: Principal) -> None:
    moment = clock.now() - timedelta(hours=1)
    with pytest.raises(InvalidParams) as refused:
        commands.submit(who, "test-script", {}, start_at=moment)
    assert [error["pointer"] for error in refused.value.errors] == ["/start_at"]
    job, new = commands.submit(who, "test-script", {}, start_at=moment, allow_past=True)
    assert new
    assert job.status == "queued"
    assert leases.take_job(job.pk, "test/1") is not None


def test_a_start_a_moment_ago_is_now(who: Principal) -> None:
    moment = clock.now() - timedelta(seconds=5)
    assert commands.submit(who, "test-script", {}, start_at=moment)[0].status == "queued"


def test_the_same_request_again_is_answered_though_its_start_has_passed(who: Principal) -> None:
    moment = clock.now() - timedelta(hours=1)
    first, _ = commands.submit(
        who, "test-script", {}, start_at=moment, idempotency_key="k", allow_past=True
    )
    again, new = commands.submit(who, "test-script", {}, start_at=moment, idempotency_key="k")
    assert (again.pk, new) == (first.pk, False)
