"""Every tampering with a log is found at its exact seq: by function, command and API."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from cProfile import Profile
from pstats import Stats
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import NotFound
from core.ids import uuid7
from jobs import log
from jobs.api import verify as api
from jobs.events import EventType, NewEvent, parse, split_hash, with_hash
from jobs.integrity import Verdict, known_jobs, verify_job
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import Intruder
from tests.support.people import People

EVENTS, PAGE = 250, 100  # three pages
STEP = NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, "fetch", "gs-001")
DONE = NewEvent(EventType.STEP_SUCCEEDED, {"try": 1, "occurrence": 1}, "fetch", "gs-001")


pytestmark = pytest.mark.usefixtures("database")


def verify(job: Job, **options: Any) -> Verdict:
    """Verify a job in pages of a few events."""
    return verify_job(job.pk, page_events=PAGE, **options)


@pytest.fixture
def job(people: People) -> Job:
    """A finished job of alice's whose log has EVENTS events, most of them output."""
    made = make_job(people.alice.user, [ATTEMPT, STEP], team=people.red)
    lines = [output(f"line {number} é") for number in range(EVENTS - 6)]
    log.append(made.pk, [*lines[:150], DONE, *lines[150:]], actor="worker:w/1")
    progress = NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 1, "failed": 0})
    ended = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
    log.append(made.pk, [progress, ended], actor="worker:w/1")
    made.refresh_from_db()
    assert made.head == EVENTS
    return made


def event(set_: str, *, seq: int) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that updates one event's columns."""
    statement = f"update jobs_event set {set_} where job = %s and seq = {seq}"
    return lambda intruder, job: intruder.run(statement, job)


def row(set_: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that updates the job's row."""
    return lambda intruder, job: intruder.run(f"update jobs_job set {set_} where id = %s", job)


def remove(where: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that removes events."""
    return lambda intruder, job: intruder.run(
        f"delete from jobs_event where job = %s and {where}", job
    )


def swap(one: int, other: int) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that exchanges two events."""

    def tamper(intruder: Intruder, job: UUID) -> None:
        for old, new in ((one, 10**6), (other, one), (10**6, other)):
            intruder.run(
                "update jobs_event set seq = %s where job = %s and seq = %s", new, job, old
            )

    return tamper


def copy(seq: int, to: int) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that adds an event."""
    statement = """
        insert into jobs_event (job, seq, at, type, actor, target, text)
        select job, %s, at, type, actor, target, text from jobs_event where job = %s and seq = %s
    """
    return lambda intruder, job: intruder.run(statement, to, job, seq)


def hide_in_the_one_before(intruder: Intruder, job: UUID) -> None:
    """Write an event's text into its predecessor's row: a reader still gets the same bytes."""
    texts = intruder.texts(job)
    both = f"{texts[56]}\n{texts[57]}"
    intruder.run("update jobs_event set text = %s where job = %s and seq = 57", both, job)
    intruder.run("delete from jobs_event where job = %s and seq = 58", job)


def without_row(intruder: Intruder, job: UUID) -> None:
    """Remove the job's row."""
    intruder.run("delete from jobs_job where id = %s", job)


def change(seq: int, old: str, new: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that replaces a part of a text."""
    return lambda intruder, job: intruder.change(job, seq, old, new)


def anew(seq: int, old: str, new: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that replaces a part of a text and makes every hash fit again."""

    def tamper(intruder: Intruder, job: UUID) -> None:
        texts = intruder.texts(job)
        assert old in texts[seq - 1]
        texts[seq - 1] = texts[seq - 1].replace(old, new)
        intruder.rewrite(job, texts)

    return tamper


def cut_anew(seq: int) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that leaves of a text what only looks like output, with a good hash."""

    def tamper(intruder: Intruder, job: UUID) -> None:
        texts = intruder.texts(job)
        _body, digest = split_hash(texts[seq - 1])
        body = texts[seq - 1].partition(',"version"')[0] + ',"version":}'
        texts[seq - 1] = with_hash(body, bytes.fromhex(digest))
        intruder.rewrite(job, texts)

    return tamper


TAMPERINGS = {
    "a byte of the text": (change(57, "line 53", "line 54"), 57, "was changed"),
    "a byte of the first": (change(1, "load", "lord"), 1, "was changed"),
    "a byte of the last": (change(EVENTS, "Done", "Gone"), EVENTS, "was changed"),
    "a byte of a hash": (event("text = left(text, -3) || 'g\"}'", seq=170), 170, "was changed"),
    "a byte beside the hash": (change(57, '"hash"', '"hush"'), 57, "was changed"),
    "a line break": (event("text = text || E'\\n'", seq=57), 57, "was changed"),
    "a line break at a page's end": (event("text = text || E'\\n'", seq=100), 100, "was changed"),
    "a hidden event": (hide_in_the_one_before, 57, "was changed"),
    "an empty text": (event("text = ''", seq=57), 57, "was changed"),
    "a removed event": (remove("seq = 57"), 57, "missing: after 56 comes 58"),
    "the first removed": (remove("seq = 1"), 1, "missing: after 0 comes 2"),
    "a removed page": (remove("seq between 101 and 200"), 101, "after 100 comes 201"),
    "a swapped pair": (swap(57, 58), 57, "says that it is event 58"),
    "a swap over pages": (swap(90, 210), 90, "says that it is event 210"),
    "a cut tail": (remove("seq > 240"), 241, "ends at event 240, but the job's row has 250"),
    "a cut page": (remove("seq > 100"), 101, "ends at event 100"),
    "no events": (remove("true"), 1, "ends at event 0"),
    "an event past the head": (copy(EVENTS, EVENTS + 1), EVENTS + 1, "past 250, the head"),
    "the row's head set back": (row("head = 200"), 201, "past 200, the head"),
    "the row's head set ahead": (row("head = 9999999999"), EVENTS + 1, "row has 9999999999"),
    "the row's hash": (row("head_hash = sha256('')"), EVENTS, "head_hash is e3b0c44298fc"),
    "the row's status": (row("status = 'failed'"), EVENTS, "status is failed, not succeeded"),
    "the row's progress": (row("done = 0, failed = 1"), EVENTS, "done is 0, not 1, failed is 1"),
    "the row's attempt": (row("attempt = 2"), EVENTS, "attempt is 2, not 1"),
    "the row's times": (row("finished_at = null"), EVENTS, "finished_at is nothing, not 2"),
    "the row's message": (row("message = 'All well.'"), EVENTS, "message is All well., not Done."),
    "what was submitted": (row("kind = 'other', title = 'x'"), 1, "submitted: kind, title"),
    "who submitted": (row("submitted_by = 'user:bob'"), 1, "submitted_by differs"),
    "the row gone": (without_row, 1, "row is gone"),
    "the column type": (event("type = 'step.failed'", seq=57), 57, "type is step.failed, not"),
    "the column actor": (event("actor = 'user:eve'", seq=157), 157, "actor is user:eve, not w"),
    "the column target": (event("target = null", seq=57), 57, "target is empty, not gs-001"),
    "the column at": (event("at = at - interval '1 s'", seq=57), 57, "at is 20"),
    "a time that is none": (event("at = 'infinity'", seq=57), 57, "at is empty, not 20"),
    "a target in another's place": (event("target = 'gs-001'", seq=2), 2, "not empty"),
    "a text that is no event": (anew(154, '"type"', '"tipe"'), 154, "Event 154 is none"),
    "a text that is no JSON": (anew(57, '"at"', "at"), 57, "Event 57 is none"),
    "a text that is cut": (cut_anew(57), 57, "Event 57 is none"),
    "an impossible move": (anew(2, "attempt.started", "job.rejected"), 2, "cannot have been"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_found_where_it_is(name: str, job: Job, intruder: Intruder) -> None:
    tamper, seq, reason = TAMPERINGS[name]
    tamper(intruder, job.pk)
    verdict = verify(job)
    assert (verdict.ok, verdict.seq) == (False, seq), verdict.reason
    assert reason in str(verdict.reason)
    assert (verdict.head, verdict.hash) == (None, None)


def test_of_two_tamperings_the_first_is_reported(job: Job, intruder: Intruder) -> None:
    intruder.run("update jobs_event set actor = 'user:eve' where job = %s and seq = 50", job.pk)
    intruder.change(job.pk, 57, "line 53", "line 54")
    assert verify_job(job.pk).seq == 50
    intruder.run("update jobs_event set actor = 'worker:w/1' where job = %s and seq = 50", job.pk)
    intruder.run("update jobs_event set actor = 'user:eve' where job = %s and seq = 60", job.pk)
    assert verify_job(job.pk).seq == 57


def test_a_good_log_is_good(job: Job) -> None:
    pages: list[int] = []
    verdict = verify(job, on_progress=pages.append)
    assert (verdict.ok, verdict.head) == (True, EVENTS)
    assert verdict.hash == bytes(job.head_hash).hex()
    assert pages == [100, 100, 50]
    assert verify(make_job()).ok  # one event


def test_output_is_not_parsed(job: Job) -> None:
    with Profile() as profile:
        assert verify(job).ok
    code = parse.__code__
    calls = Stats(profile).stats[code.co_filename, code.co_firstlineno, code.co_name]  # type: ignore[attr-defined]
    # job.submitted (three times), the attempt, the step's start and end, progress, the end; and
    # the last of each page
    assert calls[1] == 8 + 2


def test_a_page_costs_two_statements(job: Job) -> None:
    with CaptureQueriesContext(connection) as queries:
        verify(job)
    pages = -(-EVENTS // PAGE)
    # the seals, the row, what was submitted; the feed's horizon and rows, stray snapshots
    assert len(queries) == 2 * pages + 6


def test_a_job_that_goes_on_meanwhile_is_good() -> None:
    job = make_job(events=[ATTEMPT, *(output(f"{number}") for number in range(150))])

    def go_on(_events: int) -> None:
        log.append(job.pk, [output("more")], actor="worker:w/1")

    verdict = verify(job, on_progress=go_on)
    assert (verdict.ok, verdict.head) == (True, 152)


def test_an_unknown_job_is_not_found() -> None:
    with pytest.raises(NotFound):
        verify_job(uuid4())


def test_every_job_is_known_once_by_its_row_or_its_events(
    people: People, intruder: Intruder
) -> None:
    jobs = [make_job(people.alice.user).pk for _ in range(5)]
    intruder.run("delete from jobs_job where id = %s", jobs[2])
    intruder.run("delete from jobs_event where job = %s", jobs[3])
    assert list(known_jobs()) == jobs


def verify_command(*arguments: str) -> str:
    reported = io.StringIO()
    call_command("verify", *arguments, stdout=reported)
    return reported.getvalue()


def failing_command(*arguments: str) -> tuple[str, CommandError]:
    reported = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("verify", *arguments, stdout=reported)
    return reported.getvalue(), raised.value


def test_the_command_goes_on_past_a_bad_job_and_lists_every_one(
    people: People, intruder: Intruder
) -> None:
    jobs = [make_job(people.alice.user, [ATTEMPT, output("a")]).pk for _ in range(5)]
    assert verify_command("--all") == "5 jobs checked, all good.\n0 seals checked, all good.\n"
    for job in (jobs[1], jobs[3]):
        intruder.change(job, 3, '"a"', '"b"')
    reported, error = failing_command("--all")
    assert [line.split()[0] for line in reported.splitlines()] == [str(jobs[1]), str(jobs[3]), "0"]
    assert "bad at 3: Event 3 was changed" in reported
    assert str(error) == "Bad: 2 of 5 jobs."
    assert error.returncode == 1


def test_the_command_checks_named_jobs(people: People) -> None:
    good, unknown = make_job(people.alice.user), uuid7()
    reported, error = failing_command(str(unknown), str(good.pk))
    assert reported.splitlines() == [
        f"{unknown}  bad: There is no such job.",
        f"{good.pk}  ok: 1 event, hash {bytes(good.head_hash).hex()}",
    ]
    assert str(error) == "Bad: 1 of 2 jobs."


def test_the_command_speaks_json(people: People, intruder: Intruder) -> None:
    good, bad = (make_job(people.alice.user, [ATTEMPT]) for _ in range(2))
    intruder.change(bad.pk, 2, "attempt.started", "attempt.stirred")
    reported, _error = failing_command("--all", "--json")
    lines = [json.loads(line) for line in reported.splitlines()]
    hashed = bytes(good.head_hash).hex()
    assert lines[0] == {"job": str(good.pk), "ok": True, "head": 2, "hash": hashed}
    assert (lines[1].pop("reason"), lines[1]) == (
        verify(bad).reason,
        {"job": str(bad.pk), "ok": False, "seq": 2},
    )


@pytest.mark.parametrize("arguments", [(), ("--all", str(uuid7()))])
def test_the_command_wants_to_know_which(arguments: tuple[str, ...]) -> None:
    assert "Name jobs by id" in str(failing_command(*arguments)[1])


def test_the_api_answers_as_the_protocol_says(people: People, job: Job, intruder: Intruder) -> None:
    client, path = people.vera.client(), f"/api/jobs/{job.pk}/verify"
    good = client.get(path)
    assert good.status_code == 200
    assert good.json() == {"ok": True, "head": EVENTS, "hash": bytes(job.head_hash).hex()}
    intruder.change(job.pk, 57, "line 53", "line 54")
    assert client.get(path).json() == {"ok": False, "seq": 57, "reason": verify(job).reason}


def test_the_api_checks_for_those_only_who_may_read(people: People, job: Job) -> None:
    path = f"/api/jobs/{job.pk}/verify"
    assert people.carol.client().get(path).status_code == 404
    assert people.nobody.client().get(path).status_code == 404
    assert people.audrey.client().get(path).status_code == 200
    assert people.alice.browser().get(path).status_code == 200
    assert people.alice.client().get(f"/api/jobs/{uuid4()}/verify").json()["code"] == "not_found"


def test_a_process_checks_only_a_few_at_a_time(people: People, job: Job) -> None:
    path = f"/api/jobs/{job.pk}/verify"
    taken = [api._slots.acquire(blocking=False) for _ in range(api.AT_ONCE)]
    refused = people.alice.client().get(path)
    for _ in taken:
        api._slots.release()
    assert (refused.status_code, refused.json()["code"]) == (429, "over_limit")
    assert int(refused["Retry-After"]) >= 1
    assert people.alice.client().get(path).status_code == 200
