"""Everywhere that a line is a JSON value, `str.splitlines` finds the same lines (httpx-sse#34)."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from django.core.management import call_command

from core.asgi import application
from core.ids import uuid7
from jobs import log
from jobs.events import EventType, NewEvent, first_hash, next_hash, parse, split_hash, with_hash
from jobs.integrity import verify_job
from jobs.log.restore import StoredEvent, restore_job
from jobs.models import Job, Target
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import People

BREAKS = "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\r\nj"


@pytest.fixture
def job(people: People) -> UUID:
    events = [
        ATTEMPT,
        output(BREAKS, step=BREAKS, target=BREAKS),
        NewEvent(EventType.JOB_SUCCEEDED, {"message": BREAKS}),
    ]
    params = {"words": [BREAKS]}
    made = make_job(people.root.user, events, title=BREAKS, params=params, labels={"a": BREAKS})
    feed_everything()
    return made.pk


def lines(text: str) -> list[str]:
    """Hold a text to be lines of JSON, whoever splits it; return them."""
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    assert all(json.loads(line) for line in text.splitlines())
    return text.splitlines()


def run(*words: object) -> str:
    out = io.StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def test_an_events_text_is_one_line_and_means_what_was_said(job: UUID) -> None:
    texts = log.read(job).texts
    assert [text.splitlines() for text in texts] == [[text] for text in texts]
    reported = json.loads(texts[2])
    assert (reported["data"]["text"], reported["step"], reported["target"]) == (
        BREAKS,
        BREAKS,
        BREAKS,
    )
    assert Job.objects.get(pk=job).message == BREAKS
    assert verify_job(job).ok


def test_commands_write_lines(job: UUID, tmp_path: Path) -> None:
    Target.objects.create(name="gs-001", labels={"a": BREAKS}, variables={"b": [BREAKS]})
    assert len(lines(run("record", job))) == 5
    assert len(lines(run("export", job))) == 5
    assert json.loads(lines(run("targets", "list", "--json"))[0])["labels"] == {"a": BREAKS}
    assert lines(run("verify", "--json", job))
    assert lines(run("rebuild", "--json", job))
    run("record", job, "--output", tmp_path / "one.ndjson")
    run("export", job, "--output", tmp_path / "two.ndjson")
    for name in ("one.ndjson", "one.states.ndjson", "two.ndjson"):
        lines((tmp_path / name).read_text())
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


async def test_the_audits_export_is_lines(job: UUID, people: People) -> None:
    headers = {**people.root.headers, "Accept": "Application/X-NDJSON;q=1"}
    service = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=service, base_url="http://localhost") as client:
        answer = await client.get("/api/audit", headers=headers)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    found = [json.loads(line) for line in lines(answer.text)]
    assert [row["event"]["seq"] for row in found] == [1, 2, 3, 4]
    assert {row["job_title"] for row in found} == {BREAKS}


def test_what_was_stored_before_stays_as_it_is(job: UUID, people: People) -> None:
    text = log.read(job).texts[0].replace(r"\u2028", "\u2028")
    [old_body, _hash] = split_hash(text)
    old_job = uuid7()
    old = with_hash(old_body, next_hash(first_hash(old_job), old_body.encode()))
    event = parse(old)
    row = Job(
        id=old_job, kind="load", title=BREAKS, params=event.data["params"], head=1, status="queued",
        labels=event.data["labels"], plan=event.data["plan"], submitted_by=event.actor,
        head_hash=bytes.fromhex(split_hash(old)[1]), submitted_at=event.at, last_at=event.at,
        owner=people.root.user,
    )  # fmt: skip
    stored = StoredEvent(1, event.at, event.type, event.actor, None, old)
    restore_job(row, [stored])
    assert "\u2028" in old
    assert log.read(old_job).texts == [old]
    assert verify_job(old_job).as_dict() == {"ok": True, "head": 1, "hash": event.hash}
    log.append(old_job, [ATTEMPT, output("a\u2028b", target=BREAKS)], actor="worker:\u2028")
    assert verify_job(old_job).ok
