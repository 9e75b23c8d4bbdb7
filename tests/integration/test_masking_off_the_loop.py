"""Masking does not hold up the worker's other runs, whatever it is that has to be masked."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from jobs.access.visibility import Principal
from jobs.run import Run, Step, StepFailed
from jobs.secrets import MASK
from jobs.secrets.masking import Masks, Readings
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "scripts")
SECRET = "hunter2!"


class Watched(Masks):
    """Masks that note the threads in which they read texts."""

    def __init__(self) -> None:
        super().__init__([SECRET])
        self.threads = set[str]()

    def _read_text(self, text: str, *, final: bool = True, fresh: bool = True) -> Readings:
        self.threads.add(threading.current_thread().name)
        return super()._read_text(text, final=final, fresh=fresh)


async def test_everything_a_run_says_is_masked_in_a_thread_of_its_own(who: Principal) -> None:
    masks = Watched()

    async def speak(step: Step) -> dict[str, str]:
        step.output(f"a {SECRET} here\n" * 10_000)
        await step.drain()
        return {"of": SECRET}

    async def fail(step: Step) -> None:
        raise RuntimeError(f"no {SECRET}")

    async def does(run: Run) -> Any:
        run.vault.masks = masks
        told = await run.step("speak", speak)
        with pytest.raises(StepFailed):
            await run.step("fail", fail)
        return told

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    assert masks.threads == {"masking_0"}
    output = "".join(event.data["text"] for event in await runs.events(job, "step.output"))
    assert output == f"a {MASK} here\n" * 10_000
    [failed] = await runs.events(job, "step.failed")
    assert failed.data["error"]["message"] == f"no {MASK}"
    [ended] = await runs.events(job, "job.succeeded")
    assert ended.data["result"] == {"of": MASK}


async def test_a_step_that_is_late_while_its_output_is_masked_loses_none_of_it(
    who: Principal,
) -> None:
    loop = asyncio.get_running_loop()
    held, let_go = asyncio.Event(), threading.Event()

    class Slow(Watched):
        def _read_text(self, text: str, *, final: bool = True, fresh: bool = True) -> Readings:
            if text.startswith("line 0"):
                loop.call_soon_threadsafe(held.set)
                let_go.wait()
            return super()._read_text(text, final=final, fresh=fresh)

    lines = "".join(f"line {number}, {SECRET}\n" for number in range(30_000))

    async def speak(step: Step) -> None:
        step.output(lines)
        waiting = asyncio.create_task(step.drain())
        await held.wait()
        waiting.cancel()
        let_go.set()
        raise RuntimeError("cut short")

    async def does(run: Run) -> None:
        run.vault.masks = Slow()
        with pytest.raises(StepFailed):
            await run.step("speak", speak)

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    output = "".join(event.data["text"] for event in await runs.events(job, "step.output"))
    assert output == lines.replace(SECRET, MASK)
    assert [event.data["error"]["message"] for event in await runs.events(job, "step.failed")] == [
        "cut short"
    ]
