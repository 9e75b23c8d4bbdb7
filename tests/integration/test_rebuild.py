"""Rows and snapshots against the fold from zero: what differs is found, and mended when asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.errors import NotFound
from core.ids import uuid7
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.events.fold import FOLD
from jobs.integrity.rebuild import CannotFold, rebuild_job
from jobs.log.state import state_at
from jobs.models import Job, Snapshot
from tests.replay import histories
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.factories.histories import random_run
from tests.support.intruder import Intruder, open_intruder
from tests.support.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def job() -> Job:
    """A job with two snapshots, and events after them."""
    made = make_job(events=random_run(5, 2400))
    state_at(made.pk)
    return made


@pytest.fixture
def intruder(database: str, services: Services) -> Iterator[Intruder]:
    with open_intruder(services, database) as found:
        yield found


def places(job: Job, *, write: bool = False) -> list[str]:
    return [one.place for one in rebuild_job(job.pk, write=write)]


def kept(job: Job) -> list[tuple[int, str, str]]:
    rows = Snapshot.objects.filter(job=job.pk).order_by("seq")
    return list(rows.values_list("seq", "summary", "steps"))


def test_what_was_appended_is_what_it_folds_to(job: Job) -> None:
    assert places(job) == []
    assert places(make_job()) == []
    ended = make_job(events=[ATTEMPT, NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})])
    assert places(ended) == []


FORGED: dict[str, Any] = {
    "status": "paused", "done": 77, "total": 78, "failed": 79, "attempt": 99, "head": 3,
    "head_hash": b"\0" * 32, "submitted_at": None, "started_at": None,
    "finished_at": "2026-01-01T00:00:00Z", "last_at": None, "message": "forged",
    "waiting_for": [{"target": "gs-001", "job": "x"}],
    "parked": True, "due_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_changed_field_of_the_row_is_found_and_mended(job: Job, name: str) -> None:
    before = job.summary
    Job.objects.filter(pk=job.pk).update(**{name: FORGED[name]})
    assert places(job) == [name]
    assert places(job) == [name]  # finding changes nothing
    assert places(job, write=True) == [name]
    assert places(job) == []
    job.refresh_from_db()
    assert job.summary == before


def replace_snapshot(job: UUID, seq: int, **texts: str) -> None:
    """Put another snapshot in the place of one, as the application's role can."""
    [snapshot] = Snapshot.objects.filter(job=job, seq=seq)
    snapshot.delete()
    same = {"job": job, "fold": FOLD, "summary": snapshot.summary, "steps": snapshot.steps}
    Snapshot.objects.create(seq=seq, **{**same, **texts})


def test_changed_snapshots_are_found_and_mended(job: Job) -> None:
    good = kept(job)
    first = json.loads(good[0][1])
    replace_snapshot(job.pk, 1000, summary=json.dumps({**first, "done": first["done"] + 1}))
    replace_snapshot(job.pk, 2000, steps="[]")
    Snapshot.objects.create(job=job.pk, fold=FOLD, seq=1500, summary="{}", steps="[]")
    assert places(job) == ["snapshot 1000 done", "snapshot 1500", "snapshot 2000 steps"]
    places(job, write=True)
    assert kept(job) == good


def test_a_snapshot_that_is_no_json_is_mended(job: Job) -> None:
    good = kept(job)
    replace_snapshot(job.pk, 1000, summary="torn")
    assert places(job, write=True) == ["snapshot 1000 summary"]
    assert kept(job) == good


def test_missing_snapshots_are_no_difference_and_are_made_by_writing(job: Job) -> None:
    good = kept(job)
    Snapshot.objects.filter(job=job.pk).delete()
    assert places(job) == []
    assert places(job, write=True) == []
    assert kept(job) == good


def test_snapshots_of_another_fold_go(job: Job) -> None:
    good = kept(job)
    Snapshot.objects.create(job=job.pk, fold=FOLD + 1, seq=1000, summary="{}", steps="[]")
    assert places(job, write=True) == []
    assert kept(job) == good


def test_a_row_written_before_an_upcaster_is_brought_up_to_date(database: str) -> None:
    history = histories.read("stopped-load-v1")
    histories.load(history, database)
    Job.objects.filter(pk=history.job).update(total=0)
    found = rebuild_job(history.job)
    assert ("total", 0, 300) in [(one.place, one.kept, one.folded) for one in found]
    rebuild_job(history.job, write=True)
    assert Job.objects.get(pk=history.job).total == 300


def test_appends_go_on_after_a_repair(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(head=3, head_hash=b"\0" * 32)
    with pytest.raises(NotFound):
        rebuild_job(uuid7())
    rebuild_job(job.pk, write=True)
    job.refresh_from_db()
    assert log.append(job.pk, [output("on")], actor="w").last == job.head + 1


def test_what_is_appended_meanwhile_is_no_difference(job: Job) -> None:
    def write() -> None:
        try:
            for _ in range(60):
                log.append(job.pk, [output("x")] * 20, actor="w")
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    rounds = 0
    while writer.is_alive() or not rounds:
        assert rebuild_job(job.pk, write=rounds % 2 == 0) == []
        rounds += 1
    writer.join()
    assert rebuild_job(job.pk) == []


def test_a_log_that_cannot_be_folded_is_left_alone(job: Job, intruder: Intruder) -> None:
    Job.objects.filter(pk=job.pk).update(done=77)
    text = log.read(job.pk, 1, 1).lines.replace("attempt.started", "job.teleported")
    intruder.run("update jobs_event set text = %s where job = %s and seq = 2", text, job.pk)
    with pytest.raises(CannotFold, match=r"Events 1 to 1000: Event 2 is a job\.teleported"):
        rebuild_job(job.pk, write=True)
    job.refresh_from_db()
    assert job.done == 77


def command(*args: str) -> str:
    out = StringIO()
    call_command("rebuild", *args, stdout=out)
    return out.getvalue()


def test_the_command_lists_differences_and_mends_them(job: Job) -> None:
    make_job()
    assert command("--all") == "2 jobs folded, none differed.\n"
    Job.objects.filter(pk=job.pk).update(done=77, message="forged")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 jobs differ"):
        call_command("rebuild", "--all", stdout=out)
    assert f"{job.pk}  done: 77, folds to {job.done}\n" in out.getvalue()
    assert f"{job.pk}  message: forged, folds to nothing\n" in out.getvalue()
    [first, *_] = map(json.loads, command("--all", "--write", "--json").splitlines())
    assert (first["job"], first["trouble"]) == (str(job.pk), None)
    assert {one["place"] for one in first["differences"]} == {"done", "message"}
    assert command(str(job.pk)) == "1 job folded, none differed.\n"


def test_the_command_wants_to_know_which() -> None:
    for arguments in ([], ["--all", str(uuid7())]):
        with pytest.raises(CommandError, match="Name jobs by id"):
            command(*arguments)
    with pytest.raises(CommandError, match="1 of 1 job not folded"):
        command(str(uuid7()))
