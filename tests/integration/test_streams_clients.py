"""Streams asked for as clients in the world ask: polyfills, proxies, hands and hostile ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx
import pytest
import websockets

from jobs.log import cursor_of
from tests.support.clients import texts_of
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

# Yaffle's, amvtek's, and those that others chose for the option of either.
SPELLINGS = [
    "lastEventId", "evs_last_event_id", "Last-Event-ID", "Last-Event-Id", "last-event-id",
    "last_event_id", "lasteventid", "LastEventId", "lastEventID",
]  # fmt: skip
NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ROTATE_SECONDS="1") as started,
    ):
        yield started


async def get(scene: LiveServer, address: str, **headers: str) -> httpx.Response:
    own = scene.people.alice.headers | {name.replace("_", "-"): v for name, v in headers.items()}
    async with httpx.AsyncClient(base_url=scene.web.url, timeout=60) as client:
        return await client.get(address, headers=own)


async def frames(scene: LiveServer, path: str, **headers: str) -> tuple[list[str], int | None]:
    """Return the frames of a socket to its end, and the close code."""
    own = scene.people.alice.headers | {name.replace("_", "-"): v for name, v in headers.items()}
    async with websockets.connect(
        f"{scene.web.ws}{path}", additional_headers=own, open_timeout=60
    ) as opened:
        got = []
        with suppress(websockets.ConnectionClosed):
            while True:
                got.append(str(await opened.recv()))
    return got, opened.close_code


def told(got: list[str]) -> list[str]:
    """Return the texts of the events in frames."""
    return [text for frame in got if '"kind":"events"' in frame for text in texts_of(frame)]


async def finished(scene: LiveServer) -> tuple[UUID, list[str], str]:
    """Return a job that is over, its texts, and the id of its `end`."""
    job = await scene.new_job(outputs(5))
    await scene.finish(job)
    rows = scene.rows(job)
    return job, rows, f"{cursor_of(rows[-1])}-end"


def data(stream: str) -> list[str]:
    return [line[6:] for line in stream.split("\n") if line.startswith('data: {"seq"')]


# --- the cursor in the query


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_polyfills_cursor_counts_on_every_stream(scene: LiveServer, name: str) -> None:
    job, rows, _ = await finished(scene)
    cursor, address = cursor_of(rows[3]), f"/api/jobs/{job}"
    query = f"after=1&_=1731&r=0.5&{name}={cursor}"
    for accept in ("text/event-stream", "application/octet-stream"):
        got = await get(scene, f"{address}/stream?rotate_s=0&{query}", Accept=accept)
        assert data(got.text) == rows[4:]
    page = (await get(scene, f"{address}/events?{query}")).json()
    assert (page["after"], len(page["events"])) == (cursor, len(rows) - 4)
    lines = await get(scene, f"{address}/events?{query}", **NDJSON)
    assert lines.text.splitlines() == rows[4:]
    got_frames, _ = await frames(scene, f"/ws/jobs/{job}/?{query}")
    assert told(got_frames) == rows[4:]
    seen = f"job-{job}:{cursor}"
    got = await get(scene, f"/events/?channel=job-{job}&lastEventId=&{name}={seen}")
    assert data(got.text) == rows[4:]


async def test_a_header_goes_first_and_what_is_empty_does_not_count(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(5))
    rows = scene.rows(job)
    for query, header, after in (
        ("lastEventId=3", "5", 5),
        ("lastEventId=3", "", 3),
        ("lastEventId=&after=4", "", 4),
        ("lastEventId=3&lastEventId=4&lastEventId=", "", 4),
        ("after=2&after=3", "", 3),
        ("lastEventId=", "", 0),
    ):
        for address, own in (("stream", {}), ("events", NDJSON)):
            path = f"/api/jobs/{job}/{address}?rotate_s=0&{query}"
            got = await get(scene, path, Last_Event_ID=header, **own)
            texts = data(got.text) if address == "stream" else got.text.splitlines()
            assert texts == rows[after:], query


@pytest.mark.parametrize("name", ["after", "header", *SPELLINGS])
async def test_who_has_the_end_is_sent_nothing_again(scene: LiveServer, name: str) -> None:
    job, rows, end = await finished(scene)
    address = f"/api/jobs/{job}"
    query, own = (f"{name}={end}", {}) if name != "header" else ("", {"Last_Event_ID": end})
    for accept in ("text/event-stream", "application/octet-stream"):
        got = await get(scene, f"{address}/stream?{query}", Accept=accept, **own)
        assert (got.status_code, got.content) == (204, b"")
    page = (await get(scene, f"{address}/events?wait=25&{query}", **own)).json()
    assert (page["events"], page["end"]) == ([], True)
    assert page["next"] == cursor_of(rows[-1])
    lines = await get(scene, f"{address}/events?{query}", **NDJSON, **own)
    assert (lines.status_code, lines.content) == (200, b"")
    got_frames, code = await frames(scene, f"/ws/jobs/{job}/?{query}", **own)
    kinds = [json.loads(frame)["kind"] for frame in got_frames]
    assert (kinds, code) == (["hello", "caught_up", "end"], 1000)
    if name != "after":
        seen = f"job-{job}:{end}"
        query, own = (f"&{name}={seen}", {}) if not own else ("", {"Last_Event_ID": seen})
        assert (await get(scene, f"/events/?channel=job-{job}{query}", **own)).status_code == 204


async def test_the_end_of_no_cursor_is_none(scene: LiveServer) -> None:
    job = await scene.new_job()
    for end in ("x-end", "-end", "1-end-end", "1-00000000x-end"):
        for address in ("stream", "events"):
            got = await get(scene, f"/api/jobs/{job}/{address}?lastEventId={end}")
            assert (got.status_code, got.json()["code"]) == (400, "bad_cursor")
    got_frames, code = await frames(scene, "/ws/feed/?after=1-end")
    assert (json.loads(got_frames[-1])["code"], code) == ("bad_cursor", 4500)


async def test_follow_takes_the_id_of_the_end(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(1))
    address, headers = f"{scene.web.ws}/ws/jobs/{job}/", scene.people.alice.headers
    async with websockets.connect(address, additional_headers=headers, open_timeout=60) as opened:
        while '"caught_up"' not in str(await opened.recv()):
            pass
        await opened.send(json.dumps({"kind": "follow", "after": "2-end"}))
        assert json.loads(await opened.recv())["after"] == "2"


# --- `Accept` and `types`


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("Application/Octet-Stream", "application/octet-stream"),
        ("text/event-stream;q=0.4, application/octet-stream;q=0.5", "application/octet-stream"),
        ("application/octet-stream;q=0.5, text/event-stream", "text/event-stream; charset=utf-8"),
        ("application/octet-stream;q=0, */*", "text/event-stream; charset=utf-8"),
        ("application/json", "text/event-stream; charset=utf-8"),
        ("a/b; c*=nonsense''%41", "text/event-stream; charset=utf-8"),
    ],
)
async def test_a_stream_has_the_type_that_is_preferred(
    scene: LiveServer, accept: str, kind: str
) -> None:
    job = await scene.new_job()
    got = await get(scene, f"/api/jobs/{job}/stream?rotate_s=0", Accept=accept)
    assert (got.status_code, got.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("Application/X-NDJSON", "application/x-ndjson"),
        ("application/x-ndjson; charset=utf-8", "application/x-ndjson"),
        ("application/json;q=0.5 , application/x-ndjson ;q=0.8", "application/x-ndjson"),
        ("application/x-ndjson;q=0", "application/json"),
        ("application/x-ndjson;q=0.1, application/json", "application/json"),
        ("application/x-ndjson-seq", "application/json"),
        ("text/html", "application/json"),
    ],
)
async def test_an_export_is_what_prefers_lines(scene: LiveServer, accept: str, kind: str) -> None:
    job = await scene.new_job()
    got = await get(scene, f"/api/jobs/{job}/events", Accept=accept)
    assert (got.status_code, got.headers["content-type"]) == (200, kind)


async def test_several_accept_headers_are_one(scene: LiveServer) -> None:
    job = await scene.new_job()
    token = [*scene.people.alice.headers.items()]
    async with httpx.AsyncClient(base_url=scene.web.url, timeout=60) as client:
        headers = [*token, ("Accept", "application/json;q=0.1"), ("Accept", NDJSON["Accept"])]
        got = await client.get(f"/api/jobs/{job}/events", headers=headers)
    assert got.headers["content-type"] == NDJSON["Accept"]


@pytest.mark.parametrize(
    "query",
    [
        "types=job.submitted,job.succeeded", "types=job.submitted&types=job.succeeded",
        "types=%20job.submitted%20,%20job.succeeded%20", "types=job.submitted,,&types=,&types="
        "job.succeeded",
    ],
)  # fmt: skip
async def test_types_may_be_repeated_and_spaced(scene: LiveServer, query: str) -> None:
    job, rows, _ = await finished(scene)
    page = (await get(scene, f"/api/jobs/{job}/events?{query}")).json()
    assert [event["seq"] for event in page["events"]] == [1, len(rows)]
    lines = await get(scene, f"/api/jobs/{job}/events?{query}", **NDJSON)
    assert lines.text.splitlines() == [rows[0], rows[-1]]


@pytest.mark.parametrize("accept", ["application/json", NDJSON["Accept"]])
async def test_an_unknown_type_is_named(scene: LiveServer, accept: str) -> None:
    job = await scene.new_job()
    path = f"/api/jobs/{job}/events?types=job.submitted,step.printed"
    got = await get(scene, path, Accept=accept)
    assert (got.status_code, got.json()["code"]) == (400, "bad_request")
    assert got.json()["errors"][0]["parameter"] == "types"
    assert "'step.printed'" in got.json()["detail"]


# --- addresses


@pytest.mark.parametrize("form", ["as it is", "upper case", "without dashes"])
async def test_an_id_is_one_in_either_form(scene: LiveServer, form: str) -> None:
    job, rows, _ = await finished(scene)
    text = {"upper case": str(job).upper(), "without dashes": job.hex}.get(form, str(job))
    assert (await get(scene, f"/api/jobs/{text}")).json()["id"] == str(job)
    assert data((await get(scene, f"/api/jobs/{text}/stream?rotate_s=0")).text) == rows
    assert (await get(scene, f"/api/jobs/{text}/events")).json()["job"] == str(job)
    got_frames, code = await frames(scene, f"/ws/jobs/{text}/")
    assert (json.loads(got_frames[0])["job"], code) == (str(job), 1000)
    assert data((await get(scene, f"/events/?channel=job-{text}")).text) == rows


@pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}", "{}0", "uuid:{}"])
async def test_no_other_form_is_one(scene: LiveServer, form: str) -> None:
    text = form.format(await scene.new_job())
    for address in ("", "/stream", "/events", "/verify"):
        assert (await get(scene, f"/api/jobs/{quote(text)}{address}")).status_code == 404
    got_frames, code = await frames(scene, f"/ws/jobs/{quote(text)}/")
    assert (json.loads(got_frames[-1])["code"], code) == ("not_found", 4504)
    assert '"forbidden"' in (await get(scene, f"/events/?channel=job-{quote(text)}")).text


async def test_a_socket_needs_no_slash_at_its_end(scene: LiveServer) -> None:
    job, rows, _ = await finished(scene)
    got_frames, code = await frames(scene, f"/ws/jobs/{job}?after=0")
    assert told(got_frames) == rows
    assert code == 1000
    headers = scene.people.alice.headers
    async with websockets.connect(
        f"{scene.web.ws}/ws/feed?after=0", additional_headers=headers, open_timeout=60
    ) as feed:
        assert json.loads(await feed.recv())["kind"] == "hello"
    assert data((await get(scene, f"/events?channel=job-{job}")).text) == rows
    for path in (f"/api/jobs/{job}/", f"/api/jobs/{job}/stream/", f"/api/jobs/{job}/events/"):
        assert (await get(scene, path)).json()["code"] == "not_found"


# --- what nobody should send


HOSTILE = ["\x00", "\ud800", "\x85", "x" * 3000, "%", str(2**63), "-1", "NaN", "1e999", "0x10"]


@pytest.mark.parametrize("name", ["after", "lastEventId", "limit", "wait", "types", "rotate_s"])
async def test_no_value_of_a_parameter_is_a_fault(scene: LiveServer, name: str) -> None:
    job, _rows, _end = await finished(scene)
    for value in HOSTILE:
        query = f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}"
        for address, accept in (("stream", "*/*"), ("events", "*/*"), ("events", NDJSON["Accept"])):
            got = await get(scene, f"/api/jobs/{job}/{address}?rotate_s=0&{query}", Accept=accept)
            assert got.status_code < 500, (query[:40], address)
            if got.status_code >= 400:
                assert got.headers["content-type"] == "application/problem+json"
        got_frames, code = await frames(scene, f"/ws/jobs/{job}/?{query}")
        assert code in {1000, 4500, 4509}, (query[:40], code, got_frames[-1:])


@pytest.mark.parametrize(
    "line", [b"GET /api/jobs?text=\xff HTTP/1.1", b"GET /api/jobs/\xff/stream HTTP/1.1"]
)
async def test_bytes_that_are_no_text_are_a_bad_request(scene: LiveServer, line: bytes) -> None:
    parts = urlsplit(scene.web.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    token = scene.people.alice.headers["Authorization"].encode()
    writer.write(line + b"\r\nHost: 127.0.0.1\r\nAuthorization: " + token + b"\r\n")
    writer.write(b"Connection: close\r\n\r\n")
    reported = await reader.read()
    writer.close()
    assert reported.split(b" ", 2)[1] in {b"200", b"400", b"404"}, reported[:200]
