"""Jobs that say nothing and jobs that are well again; quiet hours hold everything back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from core import clock
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.feed import consumers
from jobs.models import Job
from jobs.notices import stuck
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.notices import deliver, ended_job, hear, subscribe
from tests.support.people import People
from tests.support.receivers import Mailbox

pytestmark = pytest.mark.usefixtures("database")

ALICE = "alice@example.org"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    hear()
    with box.set_up(), box.open():
        yield box


def be_silent(job: Job, minutes: float) -> None:
    Job.objects.filter(pk=job.pk).update(last_at=clock.now() - timedelta(minutes=minutes))


def step(type_: EventType, target: str, **data: object) -> NewEvent:
    return NewEvent(type_, {"try": 1, "occurrence": 1, **data}, "fetch", target)


def ran(target: str, outcome: EventType) -> tuple[NewEvent, ...]:
    error = {"error": {"type": "Failed", "message": "no"}, "final": True}
    ended = error if outcome == EventType.STEP_FAILED else {"result": None}
    return (step(EventType.STEP_STARTED, target), step(outcome, target, seconds=1.0, **ended))


def keep_steps() -> None:
    feed_everything()
    for consumer in consumers.find_consumers().consumers:
        if consumer.name == "step-runs":
            while consumers.run_once(consumer):
                pass


def test_a_silent_job_is_told_once_for_each_silence(people: People, mailbox: Mailbox) -> None:
    subscribe(people.alice.user, "stuck")
    job = make_job(people.alice.user, [ATTEMPT], title="slow")
    fresh = make_job(people.alice.user, [ATTEMPT], title="fresh")
    others = make_job(people.carol.user, [ATTEMPT], title="other", team=people.blue)
    waits = make_job(people.alice.user, title="queued")
    be_silent(fresh, 29)
    for one in (job, others, waits):
        be_silent(one, 31)
    for _ in range(2):
        stuck.find_stuck()
        deliver()
    [text] = mailbox.texts(ALICE)
    assert text.startswith("Stuck: slow (load, now running)")
    assert f"/jobs/{job.pk}?at=2" in text
    assert "Stuck: " not in text[5:]
    log.append(job.pk, [output("x")], actor="worker:w")
    stuck.find_stuck()
    be_silent(job, 31)
    stuck.find_stuck()
    deliver()
    assert [f"?at={seq}" in text for seq, text in zip((2, 3), mailbox.texts(ALICE), strict=True)]


def test_a_target_that_is_well_again_is_told(people: People, mailbox: Mailbox) -> None:
    subscribe(people.alice.user, "recovered", name="all")
    subscribe(people.bob.user, "recovered", target="gs-2")
    failed, well = EventType.STEP_FAILED, EventType.STEP_SUCCEEDED
    steps = (*ran("gs-1", failed), *ran("gs-2", well))
    ended_job(team=people.red, targets=("gs-1", "gs-2"), steps=steps)
    ended_job(team=people.red, targets=("gs-1",), steps=ran("gs-1", failed), kind="command")
    keep_steps()
    again = (*ran("gs-1", well), *ran("gs-2", well))
    for number in (1, 2):  # the second has nothing to recover from
        ended_job(
            ending=EventType.JOB_SUCCEEDED, team=people.red, targets=("gs-1", "gs-2"),
            steps=again, title=f"again {number}",
        )  # fmt: skip
        keep_steps()
        hear()
    deliver()
    [text] = mailbox.texts(ALICE)
    assert text.splitlines()[0] == "Recovered: again 1 (load) on gs-1"
    assert "again 2" not in text
    assert mailbox.texts("bob@example.org") == []


def test_a_job_without_targets_recovers_by_its_title(people: People, mailbox: Mailbox) -> None:
    subscribe(people.alice.user, "recovered")
    ended_job(people.alice.user, title="nightly")
    ended_job(people.alice.user, EventType.JOB_SUCCEEDED, title="other")
    ended_job(people.alice.user, EventType.JOB_SUCCEEDED, title="nightly")
    ended_job(people.alice.user, EventType.JOB_SUCCEEDED, title="nightly")
    hear()
    deliver()
    [text] = mailbox.texts(ALICE)
    assert text.count("Recovered: ") == text.count("Recovered: nightly (load)") == 1


def test_in_quiet_hours_everything_gathers(people: People, mailbox: Mailbox) -> None:
    now = clock.now().replace(microsecond=0)
    hour = timedelta(hours=1)
    one = subscribe(
        people.alice.user, "failed",
        quiet_from=(now - hour).time(), quiet_until=(now + hour).time(),
    )  # fmt: skip
    for _ in range(3):
        ended_job(people.alice.user)
        hear()
    one.refresh_from_db()
    assert one.due_at == now + hour
    deliver()  # also what was due before they were set
    assert mailbox.got == []
    one.refresh_from_db()
    assert one.due_at == now + hour
    with connection.cursor() as cursor:
        cursor.execute("update jobs_subscription set quiet_from = null, quiet_until = null")
    deliver()
    assert [mail["Subject"] for _, mail in mailbox.got] == ["3 notices: 3 failed"]
