"""Search in a log over HTTP: what it finds, in parts, for whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.db import in_thread
from jobs.access import tokens
from jobs.events import EventType, NewEvent
from jobs.models import ApiToken
from streams.transports.search import LEAD, MOST_OF_USER
from tests.support.factories import output
from tests.support.live_server import SERVERS, LiveServer, live_server
from tests.support.people import Person, make_person
from tests.support.services import Services
from tests.support.waiting import until

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param, REPRISE_ACCESS_SECONDS="3600"
        ) as started,
    ):
        yield started


def step(type_: EventType, **data: Any) -> NewEvent:
    return NewEvent(type_, {"try": 1, "occurrence": 1, **data}, "fetch", "gs-001")


# The first is event 3; every hundredth line goes on in the next event.
COUNT = 4 * LEAD + 500


def line(number: int) -> str:
    if number % 100 == 0:
        return f"{number} a nee"
    return f"\x1b[32m{'dle' if number % 100 == 1 else number}\x1b[m\n"


EXPECTED = [number + 3 for number in range(0, COUNT, 100)]


@pytest.fixture(scope="module")
def job(scene: LiveServer) -> UUID:
    """A running job; some lines have a needle over two events."""
    return scene.job([output(line(number)) for number in range(COUNT)])


def search(scene: LiveServer, job: UUID, who: Person | None = None, /, **asked: Any) -> Lines:
    got = ask(scene, job, who, **asked)
    assert got.status_code == 200, got.text
    assert got.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(each) for each in got.text.splitlines()]


def ask(scene: LiveServer, job: UUID, who: Person | None = None, /, **asked: Any) -> httpx.Response:
    headers = (who or scene.people.alice).headers
    url = f"{scene.web.url}/api/jobs/{job}/search"
    return httpx.get(url, params=asked, headers=headers, timeout=60)


def seqs(lines: Lines) -> list[int]:
    for found in lines:
        assert found["kind"] in ("hits", "progress", "end"), found
    assert lines[-1]["kind"] == "end"
    return [seq for found in lines if found["kind"] == "hits" for seq in found["seqs"]]


def test_a_whole_log_from_either_end(scene: LiveServer, job: UUID) -> None:
    up = search(scene, job, text="A NEEDLE")
    assert seqs(up) == EXPECTED
    assert up[-1] == {
        "kind": "end", "seq": COUNT + 2, "head": COUNT + 2, "hits": len(EXPECTED), "complete": True
    }  # fmt: skip
    down = search(scene, job, text="a needle", order="down")
    assert sorted(seqs(down)) == EXPECTED
    first = next(found["seqs"] for found in down if found["kind"] == "hits")
    assert first[0] > COUNT // 2
    assert down[-1] == {**up[-1], "seq": 0}


@pytest.mark.parametrize("order", ["up", "down"])
def test_a_search_that_goes_on_where_it_stopped_finds_each_hit_once(
    scene: LiveServer, job: UUID, order: str
) -> None:
    found: list[int] = []
    edge = {} if order == "up" else {"before": COUNT + 3}
    for _part in range(COUNT):
        lines = search(scene, job, text="needle", order=order, limit=7, **edge)
        found += seqs(lines)
        end = lines[-1]
        if end["complete"]:
            break
        edge = {"after": end["seq"]} if order == "up" else {"before": end["seq"] + 1}
    assert sorted(found) == EXPECTED


def test_from_the_middle_of_a_line_it_is_named_after_its_beginning(
    scene: LiveServer, job: UUID
) -> None:
    assert seqs(search(scene, job, text="needle", after=2003)) == [x for x in EXPECTED if x >= 2003]
    assert seqs(search(scene, job, text="needle", after=2004))[0] == 2103


def test_filters_without_a_text(scene: LiveServer) -> None:
    job = scene.job([
        step(EventType.STEP_STARTED),
        output("one\n"),
        output("two\n", "switch", "gs-002"),
        NewEvent(EventType.STEP_OUTPUT, {"text": "bad\n", "stream": "err"}, "fetch", "gs-001"),
        step(EventType.STEP_FAILED, error={"type": "X", "message": "it broke"}),
        NewEvent(EventType.JOB_FAILED, {"message": "1 failed."}),
    ])  # fmt: skip
    for asked, expected in (
        ({}, [4, 5, 6, 7, 8]),
        ({"target": "gs-002"}, [5]),
        ({"step": "fetch"}, [4, 6, 7]),
        ({"target": ""}, [8]),
        ({"stream": "err"}, [6]),
        ({"failures": "1"}, [4, 6, 7, 8]),
        ({"failures": "1", "text": "BROKE"}, [7]),
    ):
        for order in ("up", "down"):
            assert seqs(search(scene, job, order=order, **asked)) == expected


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "x" * 1001}, {"text": "a\nb"}, {"stream": "both"}, {"order": "left"},
        {"failures": "yes"}, {"limit": "0"}, {"limit": "x"}, {"after": "-1"}, {"before": "0"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_asked(scene: LiveServer, job: UUID, asked: dict[str, str]) -> None:
    answer = ask(scene, job, **asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["errors"][0]["parameter"] in asked


def test_what_may_be_asked_of_an_end(scene: LiveServer, job: UUID) -> None:
    for asked in ({"after": 10**9}, {"before": 1}, {"after": 50, "before": 20}):
        for order in ("up", "down"):
            lines = search(scene, job, text="needle", order=order, **asked)
            assert seqs(lines) == []
            assert lines[-1]["complete"]


def test_only_who_may_read_the_job_searches_it(scene: LiveServer, job: UUID) -> None:
    url = f"{scene.web.url}/api/jobs/{job}/search?text=needle"
    assert httpx.get(url, timeout=60).status_code == 401
    assert ask(scene, job, scene.people.carol, text="needle").status_code == 404
    assert httpx.post(url, headers=scene.people.alice.headers, timeout=60).status_code == 405
    head = httpx.head(url, headers=scene.people.alice.headers, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    for names, kind, status in ((("submit",), "", 403), (("read",), "command", 404)):
        _token, raw = tokens.make_token(
            scene.people.alice.user, f"t{ApiToken.objects.count()}", scope_names=names, kind=kind
        )
        got = httpx.get(url, headers={"Authorization": f"Bearer {raw}"}, timeout=60)
        assert got.status_code == status
    made = httpx.post(
        f"{scene.web.url}/api/jobs/{job}/tickets", headers=scene.people.alice.headers, timeout=60
    )
    got = httpx.get(url, params={"text": "needle", "ticket": made.json()["ticket"]}, timeout=60)
    assert got.status_code == 200
    assert got.headers["Access-Control-Allow-Origin"] == "*"


@pytest.fixture(scope="module")
def long_job(scene: LiveServer) -> UUID:
    """A job of which a search says more than the way to a client holds."""
    return scene.job([output("x" * 60_000) for _ in range(160)])


async def test_a_search_is_refused_and_ended_like_every_follower(
    scene: LiveServer, long_job: UUID
) -> None:
    # What is asked is looked through for a while: the line has no end, and no hit.
    person = await in_thread(make_person, "carla", "viewer", scene.people.red)
    url = f"{scene.web.url}/api/jobs/{long_job}/search?text=needle"
    async with httpx.AsyncClient(headers=person.headers, timeout=60) as client:
        asked = [asyncio.create_task(client.get(url)) for _ in range(4 * MOST_OF_USER)]
        answers = [await one for one in asked]
    refused = [one for one in answers if one.status_code == 429]
    assert refused
    assert {one.json()["code"] for one in refused} == {"over_limit"}
    assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
    assert {one.status_code for one in answers} == {200, 429}
    await asyncio.to_thread(until_nobody_searches, scene)


async def test_a_client_that_leaves_ends_its_search(scene: LiveServer, long_job: UUID) -> None:
    url = f"{scene.web.url}/api/jobs/{long_job}/search?text=needle"
    async with (
        httpx.AsyncClient(headers=scene.people.alice.headers, timeout=60) as client,
        client.stream("GET", url),
    ):
        pass
    await asyncio.to_thread(until_nobody_searches, scene)


def until_nobody_searches(scene: LiveServer) -> None:
    def is_over() -> bool:
        return scene.counters().get('followers{of="search"}', 0) == 0

    until(is_over, "the end of every search")
