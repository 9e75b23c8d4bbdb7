"""Export and import: the same bytes, the same head hash, and nothing of a file that is bad."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
import zstandard
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from jobs import feed, log
from jobs.archive.format import header_of, parse_header
from jobs.events import EventType, NewEvent, first_hash, next_hash, recording, split_hash, with_hash
from jobs.log import months
from jobs.models import Job
from jobs.queue import rescue
from tests.support.factories import ATTEMPT, id_in, make_job, make_team, make_user, output
from tests.support.feeding import feed_everything
from tests.support.live_server import other_database
from tests.support.people import make_person
from tests.support.services import Services

DONE = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
AWKWARD = ["ä\u2028\u2029\x85 <b>", "\ud800\x00", '"}\n\r{"seq":1', "𝄞" * 50, ""]
pytestmark = pytest.mark.usefixtures("database")


def ended(events: int = 20) -> Job:
    """Return a job of a user and a team that has ended, with output that is hard to carry."""
    texts = [AWKWARD[number % len(AWKWARD)] for number in range(events)]
    steps = [NewEvent(EventType.JOB_PROGRESSED, {"done": 3, "total": 5, "failed": 1})]
    params = {"zeta": 1, "a": [1.5, None, 0.1, 1e300, 2**62], "ü": {"deep": []}}
    history = [ATTEMPT, *map(output, texts), *steps, DONE]
    return make_job(make_user(), history, team=make_team(), params=params)


def exported(job: UUID, path: Path | None = None) -> str:
    if path is not None:
        call_command("export", str(job), output=path, stdout=StringIO())
        return ""
    reported = StringIO()
    call_command("export", str(job), stdout=reported)
    return reported.getvalue()


def imported(*paths: Path, **options: bool) -> str:
    reported = StringIO()
    call_command("import", *paths, stdout=reported, **options)
    return reported.getvalue()


def test_an_import_elsewhere_has_the_same_bytes_and_exports_as_the_same(
    services: Services, redis: str, tmp_path: Path
) -> None:
    job = ended(2500)
    plain, packed = tmp_path / "job.ndjson", tmp_path / "job.ndjson.zst"
    exported(job.pk, plain)
    exported(job.pk, packed)
    whole = exported(job.pk)
    texts = [text for page in log.read_history(job.pk) for text in page.texts]
    assert plain.read_bytes() == whole.encode()
    with zstandard.open(packed, "rb") as file:
        assert file.read() == whole.encode()
    assert whole.split("\n")[1:] == [*texts, ""]

    for file in (plain, packed):
        with other_database(services, redis):
            make_user(), make_team()
            assert "1 job with 2,504 events" in imported(file)
            copy = Job.objects.get(pk=job.pk)
            own = ("owner_id", "team_id", "imported_at")
            kept = [f.attname for f in Job._meta.fields if f.attname not in own]
            assert {n: getattr(copy, n) for n in kept} == {n: getattr(job, n) for n in kept}
            assert header_of(copy).owner == "operator"
            assert header_of(copy).team == "game-operations"
            assert [text for page in log.read_history(job.pk) for text in page.texts] == texts
            assert recording.broken_at(job.pk, texts) is None
            assert exported(job.pk) == whole


def test_an_imported_job_is_in_the_feed_in_its_own_order(
    services: Services, redis: str, tmp_path: Path
) -> None:
    job = ended()
    file = tmp_path / "job.ndjson"
    exported(job.pk, file)
    with other_database(services, redis):
        imported(file)
        make_job(events=[ATTEMPT])
        feed_everything()

        page = feed.read_audit(
            make_person("audrey", "auditor").principal, feed.AuditFilter(job=job.pk)
        )
        texts = [text for page in log.read_history(job.pk) for text in page.texts]
        assert [row.text for row in page.rows] == texts[::-1]
        copy = Job.objects.get(pk=job.pk)
        assert (copy.owner, copy.team) == (None, None)
        assert rescue.deliver_due() == 0


def test_an_imported_job_is_marked_wherever_its_actors_are_shown(
    services: Services, redis: str, tmp_path: Path
) -> None:
    job = ended()
    file = tmp_path / "job.ndjson"
    exported(job.pk, file)
    with other_database(services, redis):
        imported(file)
        feed_everything()
        audrey = make_person("audrey", "auditor")
        client = audrey.client()
        assert client.get(f"/api/jobs/{job.pk}").json()["imported_at"] is not None
        rows = client.get("/api/audit").json()["events"]
        imports = {row["job_kind"] != "system": row["job_imported"] for row in rows}
        assert imports == {True: True, False: False}
        shown = audrey.browser().get("/history").content.decode()
        assert "imported from another service" in shown
        assert ">operator (imported)<" in shown
        with pytest.raises(DatabaseError, match="does not change"):
            Job.objects.update(imported_at=None)
    client = make_person("aud", "auditor").client()
    assert client.get(f"/api/jobs/{job.pk}").json()["imported_at"] is None


def test_the_same_job_again_is_left_alone_and_another_history_refused(tmp_path: Path) -> None:
    job = make_job(events=[ATTEMPT])
    early = tmp_path / "early.ndjson"
    exported(job.pk, early)
    assert "0 jobs with 0 events, 1 here already" in imported(early)
    log.append(job.pk, [DONE], actor="worker:test/1")
    with pytest.raises(CommandError, match=f"early.ndjson: job {job.pk} is here already with"):
        imported(early)
    assert len(log.read(job.pk)) == 3


def edited(lines: list[str], number: int, old: str, new: str) -> list[str]:
    """Return an export's lines with the `number`-th (from 1) changed."""
    assert old in lines[number - 1]
    return [line.replace(old, new) if n == number else line for n, line in enumerate(lines, 1)]


def forged(lines: list[str], number: int, **members: object) -> list[str]:
    """Return an export with the `number`-th line changed, and every hash after it made to fit."""
    header = parse_header(lines[0])
    previous, texts = first_hash(header.job), []
    for place, text in enumerate(lines[1:], 2):
        event = {**json.loads(text), **(members if place == number else {})}
        del event["hash"]
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        previous = next_hash(previous, body.encode())
        texts.append(with_hash(body, previous))
    return [replace(header, hash=previous.hex()).line(), *texts]


def nested(lines: list[str], number: int, depth: int = 100_000) -> list[str]:
    """Return an export with lists nested that deep in an event, and every hash made to fit."""
    header = parse_header(lines[0])
    previous, texts = first_hash(header.job), []
    for place, text in enumerate(lines[1:], 2):
        body = split_hash(text)[0]
        if place == number:
            body = body.replace('"data":{', f'"data":{{"deep":{"[" * depth}{"]" * depth},')
        previous = next_hash(previous, body.encode())
        texts.append(with_hash(body, previous))
    return [replace(header, hash=previous.hex()).line(), *texts]


TAMPERINGS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a changed byte": (lambda x: edited(x, 7, '"stream":"out"', '"stream":"err"'), "line 7: seq 6"),
    "a removed event": (lambda x: x[:8] + x[9:], "line 9: seq 8: this is not event 8"),
    "two exchanged": (lambda x: [*x[:4], x[5], x[4], *x[6:]], "line 5: seq 4: this is not event 4"),
    "a cut tail": (lambda x: x[:-1], "line 25: seq 24: missing; the header says that 24"),
    "a line cut short": (lambda x: [*x[:-1], x[-1][:50]], "line 25: seq 24"),
    "one too many": (lambda x: [*x, x[-1]], "line 26: seq 25: the header says that 24"),
    "another hash of the head": (lambda x: edited(x, 1, '"hash":"', '"hash":"00')[:1] + x[1:], ""),
    "another title": (lambda x: edited(x, 1, "A job", "B job"), "line 2: seq 1: the header has an"),
    "another submitter": (lambda x: edited(x, 1, "user:operator", "user:root"), "submitted_by"),
    "another job's id": (lambda x: edited(x, 1, '"id":"', '"id":"0'), "the header is incomplete"),
    "no header": (lambda x: x[1:], "line 1: this is not the header"),
    "a version to come": (lambda x: edited(x, 1, '_export":1', '_export":2'), "line 1: this is an"),
    "a number for an actor": (lambda x: forged(x, 5, actor=7), "seq 4: this event is not possible"),
    "no time": (lambda x: forged(x, 5, at="noon"), "seq 4: this event is not possible"),
    "output before a start": (lambda x: forged(x, 3, type="step.output"), "seq 2: .*is queued"),
    "no such type": (lambda x: forged(x, 5, type="step.flown"), "seq 4: .* step.flown"),
    "a submission without an end": (
        lambda x: forged(x, 2, data={"extended": 10**9}),
        "seq 1: .* that 1000000000 events",
    ),
    "nested deep": (lambda x: nested(x, 7), "seq 6: this event is nested too deeply"),
    "submitted deep": (lambda x: nested(x, 2), "seq 1: this event is nested too deeply"),
    "twice": (lambda x: x + x, "line 26: job .* comes twice"),
    "nothing": (lambda x: [], "is the file empty"),
}


def test_a_bad_file_is_refused_at_its_line_and_nothing_of_it_stored(
    services: Services, redis: str, tmp_path: Path
) -> None:
    lines = exported(ended().pk).split("\n")[:-1]
    bad, good = tmp_path / "bad.ndjson", tmp_path / "good.ndjson"
    exported(make_job(events=[ATTEMPT, DONE]).pk, good)
    with other_database(services, redis):
        for name, (tamper, reported) in TAMPERINGS.items():
            bad.write_text("".join(f"{line}\n" for line in tamper(lines)))
            with pytest.raises(CommandError) as refused:
                imported(good, bad)
            assert re.search(f"bad.ndjson: .*{reported}", str(refused.value)), name
            assert not Job.objects.exists(), name


def test_other_dirt_is_refused_too(tmp_path: Path) -> None:
    job = ended()
    whole = exported(job.pk).encode()
    packed = zstandard.compress(whole)
    dirt = {
        "no end": whole[:-1],
        "NUL": whole.replace(b"Done.", b"Do\0e."),
        "not UTF-8": whole.replace(b"Done.", b"Do\xffe."),
        "truncated": packed[: len(packed) // 2],
        "damaged": packed[:20] + bytes(20) + packed[40:],
    }
    for name, content in dirt.items():
        file = tmp_path / "dirt"
        file.write_bytes(content)
        with pytest.raises(CommandError, match=f"dirt: .*({name}|line|damaged)"):
            imported(file)
    with pytest.raises(CommandError, match="No such file"):
        imported(tmp_path / "none")
    with pytest.raises(CommandError, match="no job"):
        exported(UUID(int=7))


def test_an_unfinished_job_comes_only_when_asked_for_and_then_goes_on(
    services: Services, redis: str, tmp_path: Path
) -> None:
    job = make_job(events=[ATTEMPT])
    file = tmp_path / "open.ndjson"
    exported(job.pk, file)
    with other_database(services, redis):
        with pytest.raises(CommandError, match="is running: it would go on here"):
            imported(file)
        assert not Job.objects.exists()
        imported(file, unfinished=True)
        with connection.cursor() as cursor:
            cursor.execute("update jobs_job set last_at = last_at - interval '1 minute'")
        assert rescue.deliver_due() == 1
        log.append(job.pk, [DONE], actor="worker:test/1")
        assert recording.broken_at(job.pk, log.read(job.pk).texts) is None


def test_a_month_without_a_partition_is_made(
    services: Services, redis: str, tmp_path: Path
) -> None:
    old = make_job(id=id_in(datetime(2024, 2, 1, tzinfo=UTC)), events=[ATTEMPT, DONE])
    file = tmp_path / "old.ndjson"
    exported(old.pk, file)
    with other_database(services, redis):
        assert "jobs_event_2024_02" not in months.partition_names()
        imported(file)
        assert "jobs_event_2024_02" in months.partition_names()
        assert len(log.read(old.pk)) == 3


def test_a_retry_wants_the_job_that_it_retries(
    services: Services, redis: str, tmp_path: Path
) -> None:
    first = make_job(events=[ATTEMPT, DONE])
    again = make_job(events=[ATTEMPT, DONE], retry_of=first)
    files = [tmp_path / "first.ndjson", tmp_path / "again.ndjson"]
    exported(first.pk, files[0])
    exported(again.pk, files[1])
    with other_database(services, redis):
        with pytest.raises(CommandError, match=f"retries {first.pk}, which is not here"):
            imported(files[1])
        imported(files[0])
        imported(files[1])
        assert Job.objects.get(pk=again.pk).retry_of_id == first.pk
