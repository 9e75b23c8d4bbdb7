"""The feed of all events over REST, a page at a time and as lines."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx

from core.asgi import application
from core.db import in_thread
from jobs import log
from jobs.events import EventType, NewEvent, first_hash, next_hash, split_hash
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import People


def two_runs(people: People) -> tuple[Job, Job]:
    done = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
    red = make_job(
        people.alice.user, [ATTEMPT, output("ä\u2028 <b>")], team=people.red, title='The "red" one'
    )
    blue = make_job(people.carol.user, [ATTEMPT, done], team=people.blue, kind="version-update")
    log.append(red.pk, [done], actor="worker:test/1")
    feed_everything()
    return red, blue


def texts(*jobs: Job) -> list[str]:
    return [text for job in jobs for text in log.read(job.pk).texts]


def test_events_come_byte_for_byte_newest_first_and_page_both_ways(people: People) -> None:
    red, blue = two_runs(people)
    client = people.audrey.client()

    whole = client.get("/api/audit").content.decode()
    rows = json.loads(whole)["events"]
    assert all(text in whole for text in texts(red, blue))
    assert [row["position"] for row in rows] == list(range(7, 0, -1))
    assert [(row["job"], row["event"]["seq"]) for row in rows if row["job"] == str(red.pk)] == [
        (str(red.pk), seq) for seq in (4, 3, 2, 1)
    ]
    assert {(row["job_kind"], row["job_title"]) for row in rows} == {
        ("load", 'The "red" one'),
        ("version-update", "A job"),
    }

    first = client.get("/api/audit", {"limit": 3}).json()
    second = client.get("/api/audit", {"limit": 3, "before": first["next"]}).json()
    third = client.get("/api/audit", {"limit": 3, "before": second["next"]}).json()
    assert first["events"] + second["events"] + third["events"] == rows
    assert (first["previous"], third["next"]) == (None, None)
    back = client.get("/api/audit", {"limit": 3, "after": third["previous"]}).json()
    assert back["events"] == second["events"]


def test_filters_and_access_narrow_it(people: People) -> None:
    red, blue = two_runs(people)
    found = {
        f"job={red.pk}": 4,
        "kind=version-update": 3,
        "actor=worker:test/1": 1,
        "actor=user:carol": 3,
        "type=job.succeeded": 2,
        "type=job.succeeded&kind=load": 1,
        "output=false": 6,
        "since=2999-01-01": 0,
        "until=2999-01-01": 7,
    }
    client = people.audrey.client()
    assert {q: len(client.get(f"/api/audit?{q}").json()["events"]) for q in found} == found

    def jobs(who: str) -> set[str]:
        rows = getattr(people, who).client().get("/api/audit").json()["events"]
        return {row["job"] for row in rows}

    assert jobs("vera") == jobs("bob") == {str(red.pk)}
    assert jobs("carol") == {str(blue.pk)}
    assert people.carol.client().get(f"/api/audit?job={red.pk}").json()["events"] == []


async def exported(people: People, path: str = "/api/audit") -> list[dict[str, Any]]:
    headers = {**people.audrey.headers, "Accept": "application/x-ndjson"}
    service = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=service, base_url="http://localhost") as client:
        answer = await client.get(path, headers=headers)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [
        json.loads(line) | {"raw": line.decode()} for line in answer.content.split(b"\n") if line
    ]


async def test_an_export_has_every_event_oldest_first_and_checks_its_chains(people: People) -> None:
    red, blue = await in_thread(two_runs, people)

    rows = await exported(people)
    assert [row["position"] for row in rows] == list(range(1, 8))
    for job in (red, blue):
        chain = first_hash(job.pk)
        for row in rows:
            if row["job"] == str(job.pk):
                body, digest = split_hash(row["raw"][row["raw"].index('"event": ') + 9 : -1])
                chain = next_hash(chain, body.encode())
                assert chain.hex() == digest == row["event"]["hash"]

    resumed = await exported(people, "/api/audit?after=3&before=7")
    assert [row["position"] for row in resumed] == [4, 5, 6]
    assert await exported(people, f"/api/audit?text={uuid4()}") == []
    only = await exported(people, f"/api/audit?job={blue.pk}")
    assert {row["job"] for row in only} == {str(blue.pk)}
    assert await exported(people, "/api/audit?after=7") == []


async def test_an_export_goes_on_past_a_page(people: People) -> None:
    def fill() -> None:
        make_job(people.alice.user, [ATTEMPT, *(output(str(n)) for n in range(2100))])
        feed_everything()

    await in_thread(fill)
    rows = await exported(people)
    assert [row["event"]["seq"] for row in rows] == list(range(1, 2103))
