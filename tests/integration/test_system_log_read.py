"""The system's own log is a log like any other, which auditors read and nobody runs or steers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import override_settings

from core import clock
from core.db import in_thread
from jobs import sweeper
from jobs.archive import stages
from jobs.events import EventType, NewEvent
from jobs.feed.summaries import AsyncSummaries
from jobs.integrity import seals, verify_job
from jobs.log import AsyncReader, months
from jobs.log.months import Month, State
from jobs.log.restore import make_month
from jobs.models import Job, Team
from jobs.queue import leases, rescue
from jobs.system_log import close_past_months, record_together
from jobs.system_log.stream import append_events, stream_id
from tests.support.archives import ArchiveFolder, fed, texts
from tests.support.factories import make_job
from tests.support.intruder import Intruder
from tests.support.people import People, post
from tests.support.system_log import system_events, this_month

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def stream(people: People) -> UUID:
    """The system's log of this month, in which vera has become an operator."""
    people.vera.user.groups.add(Group.objects.get(name="operator"))
    fed()
    return UUID(this_month())


READS = ("/api/jobs/{}", "/api/jobs/{}/verify", "/api/jobs/{}/seal", "/jobs/{}")


@pytest.mark.parametrize("path", READS)
def test_auditors_and_staff_read_it_and_nobody_else(
    path: str, people: People, stream: UUID
) -> None:
    readers = {"audrey": people.audrey, "root": people.root}
    others = {"alice": people.alice, "vera": people.vera, "carol": people.carol}
    answers = {
        name: person.client().get(path.format(stream)).status_code
        for name, person in (readers | others).items()
    }
    if path.startswith("/jobs"):  # pages want a session
        answers = {
            name: person.browser().get(path.format(stream)).status_code
            for name, person in (readers | others).items()
        }
    assert answers == dict.fromkeys(readers, 200) | dict.fromkeys(others, 404)


@pytest.mark.parametrize("path", ["/api/jobs/{}/events", "/api/jobs/{}/stream"])
def test_nobody_else_follows_it(path: str, people: People, stream: UUID) -> None:
    """Who may follow is served by a hub, which lives as long as a server: the browser's test."""
    for other in (people.alice, people.vera, people.carol):
        assert other.client().get(path.format(stream)).status_code == 404


def test_the_history_page_shows_who_gave_whom_which_role(people: People, stream: UUID) -> None:
    page = people.audrey.browser().get("/history").content.decode()
    assert "Gave user vera the role operator" in page
    assert '<option value="system">System</option>' in page
    assert f"System log {Month.of(clock.now())}" in page
    filtered = people.audrey.browser().get("/history?kind=system&type=system.granted")
    assert "Gave user vera the role operator" in filtered.content.decode()
    hidden = people.alice.browser().get("/history?kind=system").content.decode()
    assert "role operator" not in hidden
    assert "There is no kind" in hidden


def test_the_audit_and_the_export_have_it_for_auditors(people: People, stream: UUID) -> None:
    answer = people.audrey.client().get("/api/audit?kind=system")
    assert b'"value":"operator"' in answer.content
    for person in (people.alice, people.vera):
        assert b"system." not in person.client().get("/api/audit").content
        filtered = person.client().get("/api/audit?kind=system").json()
        assert filtered["code"] == "bad_request", filtered
    exported = StringIO()
    call_command("export", str(stream), stdout=exported)
    assert "system.granted" in exported.getvalue()


def test_no_list_of_jobs_has_it(people: People, stream: UUID) -> None:
    job = make_job()
    for path in ("/api/jobs", "/api/jobs?status=waiting", "/api/jobs?text=system"):
        found = people.root.client().get(path).json()["jobs"]
        assert [one["id"] for one in found] == [str(job.pk)] * (path == "/api/jobs")
    kinds = people.root.client().get("/api/kinds").json()
    assert '"system"' not in json.dumps(kinds)


async def test_the_feed_of_jobs_passes_over_it(database: str) -> None:
    def prepare() -> Job:
        make_job()
        call_command("token", "list")
        with record_together():
            Group.objects.create(name="testers")
        job = make_job()
        fed()
        return job

    job = await in_thread(prepare)
    async with AsyncReader(database) as reader:
        page = await AsyncSummaries(reader).page(0, 1000, {})
    assert len(page.summaries) == 2
    assert page.summaries[-1].job == job.pk
    assert page.last == page.end == 5


def test_no_worker_takes_it_and_no_sweep_delivers_it(people: People, stream: UUID) -> None:
    connection.cursor().execute("update jobs_job set last_at = now() - interval '1 day'")
    assert rescue.deliver_due() == 0
    assert leases.take_job(stream, "host/1") is None
    assert leases.take_many([stream], "host/1") == {}
    assert texts(stream)[-1] == texts(stream)[2]


ACTS = ("cancel", "pause", "resume", "approve", "reject", "retry", "fork", "signal")


@pytest.mark.parametrize("act", ACTS)
def test_nobody_steers_it(act: str, people: People, stream: UUID) -> None:
    body = {"name": "system"} if act == "signal" else {}
    people.audrey.user.groups.add(Group.objects.get(name="operator"))
    for person in (people.root, people.audrey):
        answer = post(person.client(), f"/api/jobs/{stream}/{act}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert people.root.client().get(f"/api/jobs/{stream}").json()["can"] == []
    assert people.root.browser().get(f"/new?from={stream}").status_code == 404


def test_the_applications_role_can_neither_change_nor_remove_an_event(stream: UUID) -> None:
    for statement in ("update jobs_event set actor = 'x'", "delete from jobs_event"):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"{statement} where job = %s", [stream])


def remove(seq: int) -> Callable[[Intruder, UUID], object]:
    return lambda intruder, job: intruder.run(
        "delete from jobs_event where job = %s and seq = %s", job, seq
    )


REMOVALS: dict[str, Callable[[Intruder, UUID], object]] = {
    "an event": remove(3),
    "the last event": remove(4),
    "all of it": lambda intruder, job: intruder.run("delete from jobs_event where job = %s", job),
    "the row too": lambda intruder, job: [
        intruder.run("delete from jobs_event where job = %s", job),
        intruder.run("delete from jobs_job where id = %s", job),
    ],
}


@pytest.mark.parametrize("name", REMOVALS)
def test_verify_fails_when_an_event_is_removed(
    name: str, people: People, stream: UUID, intruder: Intruder, seal_folder: Path
) -> None:
    people.bob.user.groups.clear()
    seals.seal_heads()
    call_command("verify", all=True, stdout=StringIO())
    REMOVALS[name](intruder, stream)
    with pytest.raises(CommandError):
        call_command("verify", all=True, stdout=StringIO())


@pytest.fixture
def old_stream(database: str) -> UUID:
    """The system's log of a month that is over."""
    make_month(datetime(8025, 3, 1, tzinfo=UTC))
    granted = {"object": "user", "name": "vera", "what": "role", "value": "operator"}
    append_events([NewEvent(EventType.SYSTEM_GRANTED, granted)], Month(2025, 3))
    return stream_id(Month(2025, 3))


def test_each_month_has_a_log_which_is_closed_when_it_is_over(
    people: People, old_stream: UUID
) -> None:
    people.bob.user.groups.clear()
    assert len(system_events()) == 1
    assert close_past_months(datetime(2025, 4, 1, 23, tzinfo=UTC)) == 0
    assert sweeper.SELDOM["system-log"]() == 1
    assert close_past_months() == 0
    closed = Job.objects.get(pk=old_stream)
    assert (closed.status, closed.message) == ("succeeded", "The month is over.")
    assert Job.objects.get(pk=UUID(this_month())).status == "waiting"
    assert verify_job(old_stream).ok


def keeping(count: int) -> override_settings:
    return override_settings(REPRISE=settings.REPRISE.with_changes(system_log_months=count))


def test_archiving_jobs_leaves_it_and_its_own_retention_archives_it(
    people: People, old_stream: UUID, archive_folder: ArchiveFolder
) -> None:
    fed()
    system_month = Month(2025, 3).of_system
    before, april = texts(old_stream), Month(2025, 4)
    call_command("archive", before=april, stdout=StringIO())
    assert months.month_tables()[system_month] == State.ATTACHED
    with pytest.raises(CommandError, match="for ever"):
        call_command("archive", before=april, system=True, stdout=StringIO())
    with keeping(600), pytest.raises(CommandError, match="SYSTEM_LOG_MONTHS=600 keeps"):
        call_command("archive", before=april, system=True, stdout=StringIO())
    with keeping(12):
        with pytest.raises(CommandError, match="unfinished"):
            call_command("archive", before=april, system=True, stdout=StringIO())
        close_past_months()
        fed()
        said = StringIO()
        call_command("archive", before=april, system=True, stdout=said)
    assert "system-2025-03: dropped, 4 events" in said.getvalue()
    assert system_month not in months.month_tables()
    assert texts(old_stream)[:-1] == before
    assert months.archived_before() is None
    assert months.missing_partitions() == []
    assert verify_job(old_stream).ok
    assert stages.candidate_months(april) == []


def test_its_id_says_which_month_it_is() -> None:
    assert str(stream_id(Month(2026, 11))) == "add621e4-0c00-7000-8000-000000202611"


def test_the_first_events_of_a_month_make_one_log_together(database: str) -> None:
    start = threading.Barrier(4)

    def make(number: int) -> None:
        start.wait()
        Team.objects.create(name=f"T{number}", slug=f"t{number}")
        connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(make, range(4)))
    assert sorted(event.data["name"] for event in system_events()) == ["T0", "T1", "T2", "T3"]
    assert verify_job(UUID(this_month())).ok


def test_the_months_ahead_are_there(database: str) -> None:
    this = Month.of(clock.now())
    wanted = {this.of_system, this.next.of_system}
    assert wanted <= months.month_tables().keys()
    assert months.missing_partitions() == []
