"""The system's own log has sign-ins, and what is done to the log as a whole."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from jobs.system_log.startup import record_settings
from jobs.system_log.stream import record_upkeep
from tests.support.archives import DONE, ArchiveFolder, archive, ended, exported, fed
from tests.support.factories import ATTEMPT, make_job, make_user
from tests.support.intruder import Intruder
from tests.support.live_server import other_database
from tests.support.people import django_client
from tests.support.sealing import forget, restored_database
from tests.support.services import Services
from tests.support.system_log import all_text, system_events, this_month, told

pytestmark = pytest.mark.usefixtures("database")

HERE = "192.0.2.1"


@pytest.fixture
def ann(database: str) -> None:
    make_user("ann")


def attempt(name: str, password: str) -> int:
    client = django_client()
    client.get("/sign-in")
    token = client.cookies["reprise_csrf"].value
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token}
    return client.post("/sign-in", form, REMOTE_ADDR=HERE).status_code


@pytest.mark.usefixtures("ann")
def test_a_sign_in_and_a_sign_out_are_told() -> None:
    client = django_client()
    client.get("/sign-in")
    form = {"username": "ann", "password": "secret"}
    csrf = {"X-CSRFToken": client.cookies["reprise_csrf"].value}
    client.post("/sign-in", form, REMOTE_ADDR=HERE, headers=csrf)
    csrf = {"X-CSRFToken": client.cookies["reprise_csrf"].value}
    client.post("/sign-out", headers=csrf)
    assert [told(event) for event in system_events()] == [
        ("signed_in", "user:ann", {"user": "ann", "address": HERE}),
        ("signed_out", "user:ann", {"user": "ann"}),
    ]


@pytest.mark.usefixtures("ann")
def test_failures_are_told_as_long_as_they_count_and_the_wait_once() -> None:
    limits = settings.REPRISE.with_changes(sign_in_attempts=3, sign_in_wait_seconds=300)
    with override_settings(REPRISE=limits):
        for _ in range(10):
            attempt("ann", "guess")
    failures = [told(event) for event in system_events()]
    assert [kind for kind, _, _ in failures] == ["sign_in_failed"] * 3
    assert {actor for _, actor, _ in failures} == {"anonymous"}
    waits = [data.get("wait_seconds") for _, _, data in failures]
    assert waits[:2] == [None, None]
    assert waits[2] is not None


def test_what_was_typed_as_a_name_is_not_told() -> None:
    attempt("my-pass-word", "ann")
    assert told(system_events()[0])[2] == {"user": "nobody here", "address": HERE}
    assert "my-pass-word" not in all_text()


def test_an_archive_and_what_it_drops_are_told(archive_folder: ArchiveFolder) -> None:
    ended()
    fed()
    archive()
    [name] = archive_folder.files
    assert [told(event)[2] for event in system_events()] == [
        {"operation": "archive", "words": f"Archived 2025-03: 6 events in {name}"},
        {"operation": "archive", "words": f"Dropped what {name} has from the database"},
    ]


def test_an_import_is_told(services: Services, redis: str, tmp_path: Path) -> None:
    job = make_job(events=[ATTEMPT, DONE])
    file = tmp_path / "job.ndjson"
    file.write_text(exported(job.pk))
    with other_database(services, redis):
        for _ in range(2):  # the second time there is nothing to import
            call_command("import", file, stdout=StringIO())
        words = f"Imported job {job.pk} with 3 events"
        assert [told(event)[2] for event in system_events()] == [
            {"operation": "import", "words": words}
        ]


@pytest.mark.usefixtures("seal_folder")
def test_seals_that_are_adopted_or_acknowledged_are_told(intruder: Intruder) -> None:
    restored_database(intruder)
    call_command("seal", acknowledge=3, reason="Restored.", stdout=StringIO())
    forget(intruder, 1)
    call_command("seal", stdout=StringIO())
    assert [told(event)[2] for event in system_events()] == [
        {"operation": "seal", "words": "Acknowledged seals 2 to 3: Restored."},
        {"operation": "seal", "words": "Gave seal 1, which had a file only, its rows back"},
    ]


def test_what_is_done_to_all_secrets_is_told() -> None:
    for arguments in (["add-key"], ["rotate"], ["forget", "--ended-before", "2026-01-01"]):
        call_command("secrets", *arguments, stdout=StringIO())
    words = [told(event)[2]["words"] for event in system_events()]
    assert words[0].startswith("Added a key of secrets: ")
    assert words[1].startswith("Rotated the key of secrets: 0 encrypted anew; all are under ")
    assert words[2] == "Deleted 0 secrets of jobs that ended before 2026-01-01T00:00:00.000000Z"


def test_the_open_log_of_another_system_is_not_imported(
    services: Services, redis: str, tmp_path: Path
) -> None:
    record_upkeep("import", "Imported a job")
    file = tmp_path / "system.ndjson"
    file.write_text(exported(UUID(this_month())))
    with other_database(services, redis), pytest.raises(CommandError, match="of another system"):
        call_command("import", file, unfinished=True, stdout=StringIO())


def test_the_account_of_a_command_is_its_actor() -> None:
    record_upkeep("import", "Imported a job")
    [event] = system_events()
    assert event.actor.startswith("system:")
    assert "@" in event.actor


def test_settings_of_settings_are_told() -> None:
    approvals = {"command": frozenset({"start", "others"})}
    with override_settings(REPRISE=settings.REPRISE.with_changes(approvals=approvals)):
        record_settings("web")
    [event] = system_events()
    assert told(event)[2]["settings"]["approvals"] == {"command": ["others", "start"]}


def test_settings_are_told_at_the_first_start_and_after_a_change() -> None:
    secret = "whsec_c2VjcmV0c2VjcmV0"
    before = settings.REPRISE.with_changes(webhook_secret=secret)
    with override_settings(REPRISE=before):
        for process in ("web", "worker", "web", "worker"):
            record_settings(process)
    with override_settings(REPRISE=before.with_changes(four_eyes=True, seal_hours=7.0)):
        record_settings("web")
        record_settings("web")
    events = [told(event)[2] for event in system_events()]
    assert [(data["process"], data["changed"]) for data in events] == [
        ("web", []), ("worker", []), ("web", ["four_eyes", "seal_hours"]),
    ]  # fmt: skip
    said = all_text()
    for hidden in ("database_url", "redis_url", "secret_key", "webhook_secret"):
        assert events[0]["settings"][hidden] == "set"
        assert str(getattr(before, hidden)) not in said
