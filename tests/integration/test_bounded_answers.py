"""No answer grows with what is stored: a list ends early, and says how to go on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from core import clock
from jobs.access import tokens
from jobs.events import EventType, NewEvent
from jobs.models import Job, Schedule, Target
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import People

BYTES = 60_000
# What any answer has at most: of the contents half a megabyte and one item more.
MOST = 640 * 1024
EVENTS = 25
NAMES = [f"gs-{number:05}.rack-{number % 40:03}.eu.example.org" for number in range(4000)]


def get(client: Client, path: str) -> Any:
    """Return an answer as JSON; it must not be larger than any may be."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    assert len(answer.content) < MOST
    return answer.json()


def pages(client: Client, path: str, onward: str) -> Iterator[Any]:
    """Yield the answers from the first to the last; `onward` is the parameter that has `next`."""
    page = get(client, path)
    yield page
    while (after := page["next"]) is not None:
        page = get(client, f"{path}{'&' if '?' in path else '?'}{onward}={after}")
        yield page


@pytest.fixture
def long_job(people: People) -> Job:
    """A job of large events, all of them in the feed."""
    job = make_job(people.alice.user, [ATTEMPT, *(output("x" * BYTES) for _ in range(EVENTS))])
    feed_everything()
    return job


def test_pages_of_the_audit(people: People, long_job: Job) -> None:
    client = people.audrey.client()
    found = list(pages(client, "/api/audit?limit=1000", "before"))
    older = [row["position"] for page in found for row in page["events"]]
    assert older == list(range(EVENTS + 2, 0, -1))

    newer, after = list[int](), 0
    while rows := get(client, f"/api/audit?limit=1000&after={after}")["events"]:
        newer += [row["position"] for row in reversed(rows)]
        after = newer[-1]
    assert newer == older[::-1]


def test_pages_of_the_history(people: People, long_job: Job) -> None:
    browser = people.audrey.browser()
    address, seen = "/history?type=everything", list[int]()
    while address:
        shown = browser.get(address).content
        assert len(shown) < 2 * MOST
        seqs = re.findall(rb'<span class="mono muted number">(\d+)</span>', shown)
        seen += map(int, seqs)
        found = re.search(rb'href="([^"]*)" rel="next"', shown)
        address = unescape(found[1].decode()) if found else ""
    assert seen == list(range(EVENTS + 2, 0, -1))


def test_lists_of_jobs(people: People) -> None:
    plan = {"steps": ["update"], "groups": [{"name": "all", "targets": NAMES}], "words": ""}
    owner = people.alice.user
    ids = [str(make_job(owner).pk) for _ in range(3)]
    more = {"params": {"targets": NAMES}, "plan": plan}
    rows = [Job(kind="load", title="A job", submitted_by="system", owner=owner, head=1,
                status="queued", head_hash=b"", **more) for _ in range(6)]  # fmt: skip
    ids += [str(row.pk) for row in Job.objects.bulk_create(rows)]
    client = people.alice.client()

    found = list(pages(client, "/api/jobs?limit=200", "cursor"))
    assert [job["id"] for page in found for job in page["jobs"]] == ids[::-1]
    assert all(page["jobs"] for page in found)

    [brief] = pages(client, "/api/jobs?limit=200&brief=true", "cursor")
    assert [job["id"] for job in brief["jobs"]] == ids[::-1]
    assert {(job["params"], job["plan"]) for job in brief["jobs"]} == {(None, None)}
    for name in ("title", "can", "labels", "status"):
        assert brief["jobs"][0][name] == found[0]["jobs"][0][name]


def test_steps_of_a_job(people: People) -> None:
    targets = [f"gs-{number:03}" for number in range(EVENTS)]
    events = [ATTEMPT]
    for target in targets:
        data = {"try": 1, "occurrence": 1}
        events.append(NewEvent(EventType.STEP_STARTED, data, "fetch", target))
        done = {**data, "result": "x" * BYTES, "seconds": 1.0}
        events.append(NewEvent(EventType.STEP_SUCCEEDED, done, "fetch", target))
    job = make_job(people.alice.user, events)
    client = people.alice.client()
    for path in (f"/api/jobs/{job.pk}", f"/api/jobs/{job.pk}?at={job.head}"):
        page = get(client, path)
        steps = page["steps"]
        while page["steps_next"] is not None:
            onward = f"{path}{'&' if '?' in path else '?'}steps_after={page['steps_next']}"
            page = get(client, onward)
            steps += page["steps"]
        assert [step["target"] for step in steps] == targets
    assert client.get(f"/api/jobs/{job.pk}?steps_after=-1").status_code == 400


def test_schedules_and_tokens(people: People) -> None:
    names = [f"nightly {number:03}" for number in range(210)]
    params = {"targets": NAMES}
    rows = [
        Schedule(name=name, kind="load", cron="0 4 * * *", timezone="UTC", owner=people.root.user,
                 params=params if number < 8 else {})
        for number, name in enumerate(names)
    ]  # fmt: skip
    Schedule.objects.bulk_create(rows)
    client = people.root.client()
    found = list(pages(client, "/api/schedules", "after"))
    assert [one["name"] for page in found for one in page["schedules"]] == names

    later = clock.now() + timedelta(days=1)
    for number in range(202):
        tokens.make_token(people.root.user, f"ci {number:03}", expires_at=later)
    found = list(pages(client, "/api/tokens", "before"))
    made = [one["name"] for page in found for one in page["tokens"]]
    assert made == [*(f"ci {number:03}" for number in reversed(range(202))), "test"]
    assert len(json.dumps(found)) < 2 * MOST


def test_kinds_and_their_choices(people: People) -> None:
    names = [f"{name}{'x' * 60}" for name in NAMES]
    Target.objects.bulk_create(Target(name=name, group=f"g{name[3:7]}") for name in names)
    client = people.root.client()
    answer = get(client, "/api/kinds")
    kinds = {one["name"]: one["schema"]["properties"] for one in answer["kinds"]}
    assert answer["next"] is None
    cut = kinds["command"]["targets"]
    assert 0 < cut["x-options-next"] == len(cut["x-options"]) < len(names)
    assert kinds["version-update"]["servers"]["x-options"] == []
    assert "x-options-next" not in kinds["version-update"]["servers"]

    [alone] = get(client, "/api/kinds?name=command")["kinds"]
    more = alone["schema"]["properties"]["targets"]["x-options"]
    assert len(more) > len(cut["x-options"])
    path = f"/api/choices?kind=command&name=targets&after={cut['x-options-next']}"
    rest = [one for page in choices_from(client, path) for one in page]
    found = [one["value"] for one in [*cut["x-options"], *rest]]
    assert found[-len(names) :] == names
    assert len(found) == len({*found})

    fitting = get(client, "/api/choices?kind=command&name=targets&find=GS-01234.RACK")
    assert [one["value"] for one in fitting["options"]] == [names[1234]]
    assert client.get("/api/kinds?after=nothing").status_code == 400
    assert client.get("/api/choices?kind=command&name=nothing").status_code == 400
    after = get(client, "/api/kinds?after=version-update")["kinds"]
    assert [one["name"] for one in after] == ["command", "load"]


def choices_from(client: Client, path: str) -> Iterator[Any]:
    """Yield the pages of choices from `path` on."""
    page = get(client, path)
    yield page["options"]
    while page["next"] is not None:
        page = get(client, re.sub(r"after=\d+", f"after={page['next']}", path))
        yield page["options"]
