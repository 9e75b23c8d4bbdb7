"""What only the HTTP forms have: headers, ids, rotation, pages, filters, methods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from jobs.log import cursor_of
from tests.support.clients import texts_of
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services
from tests.support.waiting import until

OCTETS = {"Accept": "application/octet-stream"}


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ROTATE_SECONDS="1") as started,
    ):
        yield started


async def get(
    scene: LiveServer, address: str, method: str = "GET", **headers: str
) -> httpx.Response:
    own = scene.people.alice.headers | {name.replace("_", "-"): v for name, v in headers.items()}
    async with httpx.AsyncClient(base_url=scene.web.url, timeout=60) as client:
        return await client.request(method, address, headers=own)


def messages(stream: bytes) -> list[dict[str, str]]:
    """Return the messages of a whole stream, comments left out."""
    found = []
    for block in stream.decode().split("\n\n")[:-1]:
        pairs = (line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        found.append(dict(pairs))
    return found


# --- the event stream


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        ("*/*", "text/event-stream; charset=utf-8"),
        ("application/octet-stream", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_proxy_is_left_a_reason_to_hold_it(
    scene: LiveServer, accept: str, content_type: str, method: str
) -> None:
    job = await scene.new_job()
    headers = {"Accept": accept, "Accept-Encoding": "identity"}
    got = await get(scene, f"/api/jobs/{job}/stream?rotate_s=0", method, **headers)
    assert got.status_code == 200
    assert got.headers["content-type"] == content_type
    assert got.headers["cache-control"] == "no-cache, no-store, no-transform"
    assert got.headers["x-accel-buffering"] == "no"
    assert got.headers["content-encoding"] == "identity"
    assert bool(got.content) == (method == "GET")


async def test_the_first_write_has_padding_retry_and_hello(scene: LiveServer) -> None:
    job = await scene.new_job()
    url = f"{scene.web.url}/api/jobs/{job}/stream"
    headers = scene.people.alice.headers | {"Accept-Encoding": "identity"}
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=headers) as got,
    ):
        first = await anext(got.aiter_raw())
    comment = first.split(b"\n")[0]
    assert comment.startswith(b":")
    assert len(comment) >= 2048
    assert b"\nretry: 1000\n" in first
    assert b"\nevent: hello\n" in first


async def test_every_event_has_its_cursor_as_id_and_only_hello_and_end_have_one_too(
    scene: LiveServer,
) -> None:
    job = await scene.new_job(outputs(5))
    await scene.finish(job)
    rows = scene.rows(job)
    got = messages((await get(scene, f"/api/jobs/{job}/stream?after=2")).content)
    named = {message["event"]: message for message in got if "event" in message}
    assert [(m["id"], m["data"]) for m in got if "event" not in m] == [
        (cursor_of(text), text) for text in rows[2:]
    ]
    assert list(named) == ["hello", "caught_up", "end"]
    assert named["hello"]["id"] == "2"
    assert named["end"]["id"] == cursor_of(rows[-1]) + "-end"
    assert "id" not in named["caught_up"]


async def test_a_last_event_id_goes_before_the_address(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(5))
    address = f"/api/jobs/{job}/stream?after=1&rotate_s=0"
    got = messages((await get(scene, address, Last_Event_ID="4")).content)
    assert json.loads(got[0]["data"])["after"] == "4"
    assert [m["data"] for m in got if "event" not in m] == scene.rows(job)[4:]


async def test_who_has_the_end_is_told_to_stop(scene: LiveServer) -> None:
    job = await scene.new_job()
    await scene.finish(job)
    end = cursor_of(scene.rows(job)[-1]) + "-end"
    address = f"/api/jobs/{job}/stream"
    assert (await get(scene, address, Last_Event_ID=end)).status_code == 204
    assert (await get(scene, address, Last_Event_ID="x-end")).status_code == 400
    other = await get(scene, address, Last_Event_ID=end, **scene.people.carol.headers)
    assert other.status_code == 404


async def test_rotating_at_once_answers_what_is_there(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(1500))
    got = messages((await get(scene, f"/api/jobs/{job}/stream?rotate_s=0")).content)
    assert [m["data"] for m in got if "event" not in m] == scene.rows(job)
    assert [m["event"] for m in got if "event" in m] == ["hello", "caught_up"]


async def test_an_answer_ends_by_itself_and_says_no_end(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    got = messages((await get(scene, f"/api/jobs/{job}/stream?rotate_s=9999")).content)
    assert "end" not in [m.get("event") for m in got]


@pytest.mark.parametrize("rotate", ["-1", "x", "nan", "", "1e9"])
async def test_a_bad_rotation_is_a_bad_request(scene: LiveServer, rotate: str) -> None:
    job = await scene.new_job()
    got = await get(scene, f"/api/jobs/{job}/stream?rotate_s={rotate}")
    assert (got.status_code, got.json()["code"]) == (400, "bad_request")


# --- methods, on both addresses


@pytest.mark.parametrize("address", ["stream", "events"])
async def test_other_methods_are_refused(scene: LiveServer, address: str) -> None:
    job = await scene.new_job()
    options = await get(scene, f"/api/jobs/{job}/{address}", "OPTIONS")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        got = await get(scene, f"/api/jobs/{job}/{address}", method)
        assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")
        assert got.headers["allow"] == "GET, HEAD, OPTIONS"
        assert got.headers["content-type"] == "application/problem+json"


async def test_head_is_get_without_a_body(scene: LiveServer) -> None:
    job = await scene.new_job()
    got = await get(scene, f"/api/jobs/{job}/events", "HEAD")
    assert (got.status_code, got.content) == (200, b"")
    assert (await get(scene, "/api/jobs/nonsense/events", "HEAD")).status_code == 404


# --- the long poll


async def counted(scene: LiveServer, name: str, value: int) -> None:
    """Wait until one of the process's counters says so."""
    await asyncio.to_thread(until, lambda: scene.counters().get(name) == value, name)


async def page(scene: LiveServer, job: UUID, **params: object) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    got = await get(scene, f"/api/jobs/{job}/events?{query}")
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/json"
    assert got.headers["cache-control"] == "no-store"
    found: dict[str, Any] = got.json()
    assert texts_of(got.text) == [text for text in scene.rows(job) if text in got.text]
    return found


async def test_a_page_says_where_it_begins_and_where_to_go_on(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(8))
    rows = scene.rows(job)
    found = await page(scene, job, after=cursor_of(rows[2]), limit=3)
    assert found == {
        "job": str(job), "events": [json.loads(text) for text in rows[3:6]],
        "after": cursor_of(rows[2]), "next": cursor_of(rows[5]), "head": 10, "status": "running",
        "end": False,
    }  # fmt: skip


async def test_pages_make_up_the_log_and_the_last_one_says_so(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(25))
    await scene.finish(job)
    after, got, end = "0", [], False
    while not end:
        found = await page(scene, job, after=after, limit=7)
        assert len(found["events"]) <= 7
        after, end = found["next"], found["end"]
        got += found["events"]
    assert got == [json.loads(text) for text in scene.rows(job)]
    assert (await page(scene, job, after=after, wait=25))["events"] == []


async def test_an_empty_answer_is_held_until_there_is_something(scene: LiveServer) -> None:
    job = await scene.new_job()
    asking = asyncio.create_task(page(scene, job, after=2, wait=25))
    await counted(scene, 'followers{of="longpoll"}', 1)
    assert not asking.done()
    await scene.append(job, *outputs(2))
    found = await asking
    assert [event["seq"] for event in found["events"]] == [3, 4]


async def test_a_wait_that_is_over_answers_with_nothing(scene: LiveServer) -> None:
    job = await scene.new_job()
    found = await page(scene, job, after=2, wait=0.2)
    assert (found["events"], found["next"], found["head"]) == ([], "2", 2)


async def test_a_filter_makes_no_gaps(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(30))
    await scene.finish(job)
    rows = scene.rows(job)
    found = await page(scene, job, types="job.submitted,job.succeeded")
    assert [event["seq"] for event in found["events"]] == [1, len(rows)]
    assert (found["next"], found["end"]) == (cursor_of(rows[-1]), True)
    first = await page(scene, job, types="job.submitted,job.succeeded", limit=1)
    assert (len(first["events"]), first["next"]) == (1, cursor_of(rows[0]))
    none = await page(scene, job, types="step.skipped", after=5)
    assert (none["events"], none["next"]) == ([], cursor_of(rows[-1]))


async def test_a_filtered_wait_is_held_until_something_fits(scene: LiveServer) -> None:
    job = await scene.new_job()
    used = 'hints_total{of="used"}'
    before = (await asyncio.to_thread(scene.counters)).get(used, 0)
    asking = asyncio.create_task(page(scene, job, after=2, wait=25, types="job.succeeded"))
    await counted(scene, 'followers{of="longpoll"}', 1)
    while (await asyncio.to_thread(scene.counters)).get(used, 0) <= before:
        await scene.append(job, *outputs(1))  # until one was brought to who waits
    assert not asking.done()
    await scene.finish(job)
    assert [event["seq"] for event in (await asking)["events"]] == [len(scene.rows(job))]


async def test_an_answer_has_about_a_megabyte_at_most(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(40, "x" * 60_000))
    found = await page(scene, job, limit=10_000)
    assert 10 < len(found["events"]) < 25
    assert found["next"].startswith(f"{len(found['events'])}-")


async def test_an_export_can_be_filtered(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(30))
    await scene.finish(job)
    address = f"/api/jobs/{job}/events?types=job.submitted,job.succeeded"
    got = await get(scene, address, Accept="application/x-ndjson")
    assert got.headers["content-type"] == "application/x-ndjson"
    rows = scene.rows(job)
    assert got.text == f"{rows[0]}\n{rows[-1]}\n"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=1.5", "limit=x", "wait=-1", "wait=26", "wait=x"]
)
async def test_a_number_out_of_bounds_is_a_bad_request(scene: LiveServer, query: str) -> None:
    job = await scene.new_job()
    got = await get(scene, f"/api/jobs/{job}/events?{query}")
    assert (got.status_code, got.json()["code"]) == (400, "bad_request")


# --- the counters


async def test_the_counters_are_for_staff(scene: LiveServer) -> None:
    assert (await get(scene, "/metrics")).status_code == 404
    assert (await get(scene, "/metrics", Authorization="")).status_code == 401
    got = await get(scene, "/metrics", **scene.people.root.headers)
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "\nreprise_stream_poll_heals_total " in got.text
