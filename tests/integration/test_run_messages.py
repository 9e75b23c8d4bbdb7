"""What a run says of how it went has nothing in it that a terminal would not show."""

from __future__ import annotations

import pytest

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.run import JobFailed, Retry, Run, Step
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "scripts")
ODD = "\x1b]0;title\x07\x1b[31mno\x1b(B\x1b[m route\x9b0K: 10 %\r\x08no"


async def test_errors_and_endings_are_as_a_terminal_shows_them(who: Principal) -> None:
    async def fails(step: Step) -> None:
        raise OSError(ODD)

    async def by_its_step(run: Run) -> None:
        await run.step("fetch", fails, retry=Retry(tries=2, wait=0))

    async def by_itself(run: Run) -> None:
        raise JobFailed(ODD)

    async def well(run: Run) -> dict[str, str]:
        return {"message": ODD}

    reported = []
    async with runs.working():
        for does, status in ((by_its_step, "failed"), (by_itself, "failed"), (well, "succeeded")):
            job = await runs.submit(who, does)
            await runs.until(job, status)
            for event in await runs.events(job):
                error = event.data.get("error") or event.data
                reported += [error["message"]] if "message" in error else []
    shown = "no route: 10 %"
    assert reported == [shown, shown, f"fetch: {shown}.", shown, shown]


async def test_a_title_is_one_line_as_a_terminal_shows_it(who: Principal) -> None:
    job, _ = await in_thread(
        lambda: commands.submit(
            who, kind=runs.Script.name, params={}, title="A \x1b[31mred\x1b(B\nB\x07"
        )
    )
    assert job.title == "A red B"
