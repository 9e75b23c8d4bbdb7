"""An attempt that has lost its job ends what it has begun."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from core.db import in_thread
from jobs.access.visibility import Principal
from jobs.run import Run, Step
from jobs.transports import command
from tests.acceptance.process_search import with_environment
from tests.integration import runs
from tests.support.waiting import auntil

pytestmark = pytest.mark.usefixtures("database", "redis", "scripts")
DEAF = "trap '' TERM; while :; do sleep 0.05; done"
OVERTAKEN = """
update jobs_job set fence = fence + 1, worker = 'other/1',
  lease_until = clock_timestamp() + interval '1 hour'
where id = %s
"""


def overtake(job: UUID) -> None:
    """Have another worker take a job, as if its lease had ended."""
    with connection.cursor() as cursor:
        cursor.execute(OVERTAKEN, [job])


async def does(run: Run) -> None:
    async def deaf(step: Step) -> None:
        await command("local", ["sh", "-c", DEAF], step)

    await run.step("deaf", deaf)


async def test_a_command_that_ignores_its_end_does_not_outlive_the_attempt(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, does)
        await auntil(lambda: with_environment(REPRISE_JOB=str(job)), "the command")
        await in_thread(overtake, job)
        await auntil(lambda: not with_environment(REPRISE_JOB=str(job)), "the command's end")
    assert (await runs.types(job))[-1] == "step.started"
