"""Hints through a real Valkey: a busy job's are joined, and none of its news is left out."""

from __future__ import annotations

import asyncio

import pytest
from channels.layers import get_channel_layer

from core.db import in_thread
from jobs import log
from jobs.log import Append, append_many, hints
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output

pytestmark = pytest.mark.usefixtures("database", "redis")
APPENDS = 200


def append_often(jobs: list[Job]) -> None:
    for number in range(APPENDS):
        append_many([Append(job.pk, [output(str(number))], "worker:w") for job in jobs])


@pytest.fixture(autouse=True)
def patient_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hints wait for a Valkey that is slow; usually they are dropped, which costs little."""
    monkeypatch.setattr("jobs.log.hints.DEADLINE_SECONDS", 60)


async def test_what_a_busy_job_has_to_tell_is_joined_and_complete() -> None:
    jobs = [await in_thread(make_job, None, [ATTEMPT]) for _ in range(4)]
    assert await asyncio.to_thread(hints.hint_publisher().flush, 60)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    for job in jobs:
        await layer.group_add(log.group_name(job.pk), channel)
    await in_thread(append_often, jobs)
    heads = {str(job.pk): 2 for job in jobs}
    received = 0
    async with asyncio.timeout(60):
        while set(heads.values()) != {APPENDS + 2}:
            hint = await layer.receive(channel)
            assert hint["first"] == heads[hint["job"]] + 1
            assert len(hint["lines"].split("\n")) == hint["last"] - hint["first"] + 1
            heads[hint["job"]] = hint["last"]
            received += 1
    assert received < APPENDS * len(jobs)
