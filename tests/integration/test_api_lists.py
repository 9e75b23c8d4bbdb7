"""The list of jobs: filters, pages by key, who sees what."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client

from jobs.events import EventType, NewEvent
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People

FAILED = [ATTEMPT, NewEvent(EventType.JOB_FAILED, {"message": "gs-002 did not come back."})]
PLAN = {"steps": [], "groups": [{"name": "canary", "targets": ["gs-001", "gs-002"]}], "words": ""}


def titles(client: Client, **query: Any) -> list[str]:
    return [job["title"] for job in client.get("/api/jobs", query).json()["jobs"]]


def test_counts_say_how_many_of_each_status_somebody_may_see(people: People) -> None:
    alice = people.alice.user
    make_job(alice, [ATTEMPT])
    make_job(alice, FAILED)
    make_job(alice, FAILED, kind="version-update")
    make_job(people.bob.user, FAILED, team=people.red)
    make_job(people.carol.user, FAILED, team=people.blue)
    client = people.alice.client()

    def counts(**query: Any) -> dict[str, int] | None:
        answer = client.get("/api/jobs", query).json()["counts"]
        return answer and {status: number for status, number in answer.items() if number}

    assert counts() is None
    everything = counts(counts="true", status="queued", limit=1)
    assert everything == counts(counts="true")
    assert everything == {"running": 1, "failed": 3}
    assert counts(counts="true", kind="version-update") == {"failed": 1}


def test_every_filter_finds_what_it_names(people: People) -> None:
    alice = people.alice.user
    one = make_job(alice, [ATTEMPT], title="one", labels={"game": "chess", "env": "prod"})
    two = make_job(
        alice, FAILED, title="two", kind="version-update", plan=PLAN, submitted_by="token:alice/ci"
    )
    three = make_job(people.bob.user, title="three 100%", labels={"game": "go"}, team=people.red)
    client = people.alice.client()
    found = {
        "": ["three 100%", "two", "one"],
        "status=running": ["one"],
        "status=running,failed": ["two", "one"],
        "status=running&status=queued": ["three 100%", "one"],
        "kind=version-update": ["two"],
        "label=game:chess": ["one"],
        "label=game:chess&label=env:prod": ["one"],
        "label=game:chess&label=env:test": [],
        "actor=user:bob": ["three 100%"],
        "actor=token:alice/ci": ["two"],
        "actor=alice": ["two", "one"],
        "target=gs-002": ["two"],
        "target=gs-00": [],
        "text=come%20back": ["two"],
        "text=100%25": ["three 100%"],
        "text=%25": ["three 100%"],
        "text=_": [],
        f"text={one.pk}": ["one"],
        f"id={one.pk}": ["one"],
        f"text={two.pk.hex}": ["two"],
        f"since={iso(two)}": ["three 100%", "two"],
        f"until={iso(two)}": ["one"],
        f"since={iso(two)}&until={iso(three)}": ["two"],
        "since=2999-01-01": [],
        "until=0001-01-01T00:00:00Z": [],
        "since=2999-01-01T00:00:00+02:00": [],
        "status=%20running%20,%20failed": ["two", "one"],
        f"text={two.pk}".upper().replace("TEXT", "text"): ["two"],
        f"id={one.pk.hex}": ["one"],
        "label=game:" + "x" * 200: [],
    }
    answers = {
        query: [job["title"] for job in client.get(f"/api/jobs?{query}").json()["jobs"]]
        for query in found
    }
    assert answers == found


def iso(job: Job) -> str:
    assert job.submitted_at is not None
    return job.submitted_at.isoformat().replace("+", "%2B")


def test_pages_hold_together_while_jobs_arrive(people: People) -> None:
    made = [make_job(people.alice.user, title=f"job {number}") for number in range(7)]
    client = people.alice.client()

    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = client.get("/api/jobs", query).json()
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
        make_job(people.alice.user, title="arrived in between")

    assert seen == [str(job.pk) for job in reversed(made)]


def test_each_sees_the_jobs_of_their_teams(people: People) -> None:
    make_job(people.alice.user, title="red", team=people.red)
    make_job(people.carol.user, title="blue", team=people.blue)
    make_job(None, title="nobody's")
    assert {who: titles(getattr(people, who).client()) for who in ("bob", "vera", "carol")} == {
        "bob": ["red"],
        "vera": ["red"],
        "carol": ["blue"],
    }
    assert (
        titles(people.audrey.client())
        == titles(people.root.client())
        == ["nobody's", "blue", "red"]
    )


def test_a_page_of_jobs_costs_the_same_however_many(people: People) -> None:
    for _ in range(8):
        make_job(people.bob.user, [ATTEMPT], team=people.red)
    client = people.alice.client()
    client.get("/api/jobs")  # notes the token's use
    with Statements() as few:
        client.get("/api/jobs", {"limit": 1})
    with Statements() as many:
        assert len(client.get("/api/jobs").json()["jobs"]) == 8
    assert many.count == few.count


class Statements:
    """Counts the SQL statements on Django's connection."""

    count = 0

    def __enter__(self) -> Statements:
        self._wrapper = connection.execute_wrapper(self._count)
        self._wrapper.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._wrapper.__exit__(*error)

    def _count(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)
