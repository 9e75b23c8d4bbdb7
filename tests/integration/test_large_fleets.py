"""Ten thousand targets in a run: submitted, verified, exported, imported, retried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from core import clock
from core.errors import InvalidParams
from jobs import commands, log
from jobs.archive import import_
from jobs.commands.retry import unsuccessful_targets
from jobs.events import EventType, NewEvent, parse
from jobs.events.extensions import ending_events
from jobs.integrity import verify_job
from jobs.kinds import registry
from jobs.models import Job, Target
from jobs.queue import lost_attempts
from tests.support.django_servers import using_database
from tests.support.factories import ATTEMPT
from tests.support.intruder import Intruder
from tests.support.people import People, post
from tests.support.services import Services

pytestmark = pytest.mark.usefixtures("database")

COUNT = 10_000
NAMES = [f"gs-{number:05}.rack-{number % 40:03}.eu.example.org" for number in range(COUNT)]


@pytest.fixture
def fleet(people: People) -> People:
    """So many targets of a group, with a label."""
    rows = [Target(name=name, group="eu", labels={"role": "game"}) for name in NAMES]
    Target.objects.bulk_create(rows, batch_size=1000)
    return people


@pytest.mark.parametrize(
    "targets", [["group:eu"], ["label:role=game"], NAMES], ids=["group", "label", "names"]
)
def test_ten_thousand_targets_are_submitted_however_they_are_chosen(
    fleet: People, targets: list[str]
) -> None:
    wish = {"kind": "command", "params": {"targets": targets, "command": "true", "batch": 500}}
    client = fleet.root.client()
    planned = post(client, "/api/plan", wish)
    assert planned.status_code == 200
    answer = post(client, "/api/jobs", wish)
    assert answer.status_code == 201, answer.content
    job = Job.objects.get(pk=answer.json()["id"])
    assert job.params["targets"] == NAMES
    assert verify_job(job.pk).ok
    texts = log.read(job.pk, 0, 1000).texts
    assert len(texts) > 1
    assert max(len(text.encode()) for text in texts) <= 66_000


@pytest.mark.parametrize("batch", [1, 10])
def test_ten_thousand_targets_go_in_batches_of_any_size(fleet: People, batch: int) -> None:
    params = {"targets": ["group:eu"], "command": "true", "batch": batch}
    job = commands.submit(fleet.root.principal, "command", params)[0]
    assert len(job.plan["groups"]) == 1 + -(-(COUNT - 1) // batch)  # a canary goes first
    assert verify_job(job.pk).ok


def test_too_many_are_refused_at_the_field(fleet: People) -> None:
    Target.objects.create(name="one-more", group="eu")
    client = fleet.root.client()
    for path in ("/api/plan", "/api/jobs"):
        params = {"targets": ["group:eu"], "command": "true"}
        answer = post(client, path, {"kind": "command", "params": params})
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error["pointer"] == "/targets"
        assert "10,001" in error["detail"]


def test_a_changed_name_is_noticed_wherever_it_stands(fleet: People, intruder: Intruder) -> None:
    job = submitted(fleet)
    params = json.dumps(job.params | {"targets": [*NAMES[:-1], "another"]})
    intruder.run("update jobs_job set params = %s where id = %s", params, job.pk)
    verdict = verify_job(job.pk)
    assert not verdict.ok
    assert "params" in str(verdict.reason)


def test_an_export_says_all_and_is_imported_as_it_was(
    fleet: People, tmp_path: Path, services: Services
) -> None:
    job = submitted(fleet)
    log.append(job.pk, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor="user:a")
    log.append(job.pk, [NewEvent(EventType.JOB_CANCELLED, {"message": "Over."})], actor="system")
    file = tmp_path / "export.ndjson"
    call_command("export", str(job.pk), output=file)
    [checked] = import_.check_file(file)
    assert len(repr(checked)) < 2000  # a file may have a hundred thousand of them
    with services.database() as url, using_database(url):
        call_command("import", str(file))
        again = Job.objects.get(pk=job.pk)
        assert again.params["targets"] == NAMES
        assert verify_job(job.pk).ok


def test_whatever_failed_is_retried(fleet: People) -> None:
    job = submitted(fleet)
    ending = NewEvent(EventType.JOB_FAILED, {"message": "No.", "failed_targets": NAMES})
    log.append(job.pk, [ATTEMPT, *ending_events(ending)], actor="worker:w")
    job.refresh_from_db()
    assert unsuccessful_targets(job) == NAMES
    [text] = log.read(job.pk, job.head - 1, 1).texts
    assert parse(text).type == "job.failed"
    assert json.loads(text)["data"]["failed_targets"]


def test_a_run_whose_worker_died_on_all_of_them_fails(fleet: People) -> None:
    job = submitted(fleet)
    started = [NewEvent(EventType.STEP_STARTED, {"try": 1}, "run", name) for name in NAMES]
    log.append(job.pk, [ATTEMPT, *started], actor="worker:w")
    job.refresh_from_db()
    at = clock.rfc3339(clock.now())
    lost_attempts.give_up(job.pk, job.fence, [lost_attempts.Lost(1, "w", at, at)])
    job.refresh_from_db()
    assert job.status == "failed"
    assert unsuccessful_targets(job) == NAMES


def test_parameters_that_cannot_be_stored_are_refused_beforehand(fleet: People) -> None:
    kind = registry.get_kind("command")
    with pytest.raises(InvalidParams):
        kind.parse({"targets": ["group:eu"], "command": ["x" * 100] * 201})


def submitted(fleet: People) -> Job:
    params = {"targets": ["group:eu"], "command": "true", "batch": 500}
    return commands.submit(fleet.root.principal, "command", params)[0]
