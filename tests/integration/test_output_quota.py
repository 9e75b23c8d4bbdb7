"""A job that prints too much says so and keeps its tails; one with too many events fails."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from core.db import in_thread
from jobs import log
from jobs.events import Event, EventType, NewEvent
from jobs.models import Job
from jobs.queue import dispatch
from jobs.run import Run, Step
from tests.integration import runs
from tests.support.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database", "redis")

LINE = "0123456789\n"


def outputs(events: Sequence[Event], target: str | None = None) -> list[Event]:
    found = [event for event in events if event.type == EventType.STEP_OUTPUT]
    return [event for event in found if target is None or event.target == target]


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.data["text"] for event in events if "left_out" not in event.data)


async def ended(who: object, does: object, targets: Sequence[str] = ()) -> tuple[Job, list[Event]]:
    job = await runs.submit(who, does, targets)  # type: ignore[arg-type]
    async with runs.working():
        await runs.until(job, "succeeded", "failed")
    return await in_thread(Job.objects.get, pk=job), await runs.events(job)


async def test_a_job_keeps_its_first_part_and_each_steps_tail() -> None:
    async def shout(step: Step) -> None:
        for number in range(2000):
            step.output(f"{step.target} {number:04}\n")

    async def does(run: Run) -> None:
        await run.gather(*(run.step("shout", shout, target=name) for name in ("a", "b", "c")))

    with runs.scripts(job_output_characters=5000):
        who = await in_thread(runs.operator)
        job, events = await ended(who, does)
    assert job.status == "succeeded"
    held = sum(event.data.get("left_out", 0) for event in outputs(events))
    assert held > 0
    assert len(text_of(outputs(events))) + held == 3 * 2000 * len("a 0000\n")
    for target in "abc":
        mine = outputs(events, target)
        assert text_of(mine).endswith(f"{target} 1999\n")
        [notice] = [event for event in mine if "left_out" in event.data]
        assert f"{notice.data['left_out']:,} characters left out" in notice.data["text"]
    before = [event for event in outputs(events) if "left_out" not in event.data]
    first = before[: next(n for n, e in enumerate(outputs(events)) if "left_out" in e.data)]
    assert len(text_of(first)) >= 5000


async def test_an_attempt_that_takes_over_counts_what_is_recorded() -> None:
    async def shout(step: Step) -> None:
        step.output(LINE * 2000)

    async def does(run: Run) -> None:
        await run.step("shout", shout)

    with runs.scripts(job_output_characters=5000):
        who = await in_thread(runs.operator)
        job = await in_thread(_job_of_a_lost_worker, who.user, 4989)
        runs.Script.does = does
        async with runs.working():
            await runs.until(job, "succeeded", "failed")
        events = await runs.events(job)
    own = [event for event in outputs(events) if event.attempt == 2]
    assert own[0].data["text"] == LINE
    assert own[1].data["left_out"] > 0


async def test_a_job_with_too_many_events_fails_and_says_so() -> None:
    said: list[str] = []

    async def chatter(step: Step) -> None:
        for number in range(1000):
            await step.progress(number, 1000)

    async def does(run: Run) -> None:
        for _ in range(3):
            try:
                await run.step("chatter", chatter)
            except Exception as error:  # noqa: BLE001 - whatever a handler makes of it
                said.append(type(error).__name__)

    with runs.scripts(job_events=100):
        who = await in_thread(runs.operator)
        job, events = await ended(who, does)
    assert job.status == "failed"
    assert job.message == "The job has more than 100 events, the most that a job may have."
    assert len(events) < 110
    assert said == ["StepFailed", "TooManyEvents", "TooManyEvents"]


async def test_a_job_with_too_many_events_prints_no_more_but_its_tail() -> None:
    async def chatter(step: Step) -> None:
        for number in range(300):
            step.output(f"{number:04}\n")
            step._output._flush_texts()

    async def does(run: Run) -> None:
        await run.step("chatter", chatter)

    with runs.scripts(job_events=50):
        who = await in_thread(runs.operator)
        job, events = await ended(who, does)
    assert text_of(outputs(events)).endswith("0299\n")
    assert job.status in {"failed", "succeeded"}


def _job_of_a_lost_worker(owner: object, printed: int) -> UUID:
    """Return a job whose first attempt printed so much and then was heard of no more."""
    step = {"try": 1, "occurrence": 1}
    events = [
        ATTEMPT,
        NewEvent(EventType.STEP_STARTED, step, "shout"),
        NewEvent(EventType.STEP_OUTPUT, {"text": "x" * printed, "stream": "out"}, "shout"),
    ]
    job = make_job(owner, events, kind=runs.Script.name, params={"targets": []})  # type: ignore[arg-type]
    assert log.printed_characters(job.pk) == printed
    dispatch.deliver_job(job.pk)
    return job.pk
