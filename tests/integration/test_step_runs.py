"""Steps as rows: what the consumer makes of the feed is what states say, and can be made anew."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest

from jobs import log
from jobs.events import EventType, NewEvent
from jobs.feed import consumers
from jobs.integrity.rebuild import rebuild_job
from jobs.log import step_runs
from jobs.log.state import state_at
from jobs.models import Job, StepRun
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.factories.histories import random_run
from tests.support.feeding import feed_everything

pytestmark = pytest.mark.usefixtures("database")


def step(
    type_: EventType, name: str = "fetch", target: str | None = "gs-1", **data: Any
) -> NewEvent:
    return NewEvent(type_, {"try": 1, "occurrence": 1, **data}, name, target)


def consume() -> None:
    """Let the feed and the consumer come to the end of every log."""
    feed_everything()
    [consumer] = [
        one for one in consumers.find_consumers().consumers if one.name == step_runs.CONSUMER
    ]
    while consumers.run_once(consumer):
        pass
    standing = {one.name: one for one in consumers.consumer_status()}[step_runs.CONSUMER]
    assert (standing.lag, standing.error) == (0, "")


def values(rows: list[StepRun]) -> list[tuple[Any, ...]]:
    names = (
        "step",
        "target",
        "occurrence",
        "status",
        "tries",
        "seconds",
        "started_at",
        "finished_at",
    )
    return sorted(tuple(getattr(row, name) for name in names) for row in rows)


def kept(job: UUID) -> list[tuple[Any, ...]]:
    return values(list(StepRun.objects.filter(job=job)))


def folded(job: UUID) -> list[tuple[Any, ...]]:
    return values(step_runs.rows_of(job, state_at(job)))


def test_rows_are_what_the_states_say_however_the_feed_is_cut() -> None:
    jobs = [make_job().pk for _ in range(3)]
    chance = random.Random(5)
    rest = {job: random_run(seed, 700) for seed, job in enumerate(jobs)}
    while any(rest.values()):
        job = chance.choice([job for job in jobs if rest[job]])
        count = chance.randint(1, 200)
        log.append(job, rest[job][:count], actor="worker:w")
        rest[job] = rest[job][count:]
        if chance.random() < 0.5:
            consume()
    consume()
    for job in jobs:
        assert kept(job) == folded(job) != []
        assert rebuild_job(job) == []
    consumers.reset_checkpoint(step_runs.CONSUMER)
    consume()  # once more from the beginning: the same
    assert all(kept(job) == folded(job) for job in jobs)


@pytest.fixture
def job() -> Job:
    events = [
        ATTEMPT, step(EventType.STEP_STARTED), step(EventType.STEP_SUCCEEDED, seconds=1.5),
        step(EventType.STEP_STARTED, "plan", None), step(EventType.STEP_FAILED, "plan", None),
    ]  # fmt: skip
    return make_job(events=events)


def test_until_the_consumer_has_come_to_the_head_rows_may_lack(job: Job) -> None:
    assert rebuild_job(job.pk) == []
    consume()
    log.append(job.pk, [step(EventType.STEP_STARTED, "late")], actor="worker:w")
    assert rebuild_job(job.pk) == []
    StepRun.objects.filter(job=job).update(seconds=9)
    assert rebuild_job(job.pk) == []
    consume()
    assert [one.place for one in rebuild_job(job.pk)] == [
        "step fetch on gs-1, no. 1", "step plan on no target, no. 1",
    ]  # fmt: skip


def test_changed_missing_and_odd_rows_are_found_and_mended(job: Job) -> None:
    consume()
    good = kept(job.pk)
    StepRun.objects.filter(job=job, step="fetch").update(status="failed")
    StepRun.objects.filter(job=job, step="plan").delete()
    StepRun.objects.create(
        job=job, step="other", target="x", occurrence=1, status="succeeded", tries=1
    )
    assert [(one.place, one.kept is None, one.folded is None) for one in rebuild_job(job.pk)] == [
        ("step fetch on gs-1, no. 1", False, False),
        ("step other on x, no. 1", False, True),
        ("step plan on no target, no. 1", True, False),
    ]
    rebuild_job(job.pk, write=True)
    assert kept(job.pk) == good
    assert rebuild_job(job.pk) == []


def test_a_rebuild_makes_what_no_consumer_has_made(job: Job) -> None:
    rebuild_job(job.pk, write=True)
    assert kept(job.pk) == folded(job.pk) != []
    consume()
    assert kept(job.pk) == folded(job.pk)


def test_what_cannot_be_a_row_holds_up_nothing() -> None:
    odd = [
        ATTEMPT, output("x"),
        step(EventType.STEP_STARTED, "n" * 600), step(EventType.STEP_STARTED, "go", "t" * 600),
        step(EventType.STEP_STARTED, "go", ""),
        step(EventType.STEP_STARTED, "go", occurrence=2**40),
        step(EventType.STEP_STARTED, "go"), step(EventType.STEP_SUCCEEDED, "go", seconds="long"),
        step(EventType.STEP_SKIPPED, "skip", reason="no"),
    ]  # fmt: skip
    job = make_job(events=odd)
    consume()
    assert [(row[0], row[1], row[3], row[5]) for row in kept(job.pk)] == [
        ("go", "gs-1", "succeeded", None), ("skip", "gs-1", "skipped", None),
    ]  # fmt: skip
    assert rebuild_job(job.pk) == []
