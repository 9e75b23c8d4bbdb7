"""The protocol's promises, on every transport of both servers, from outside.

docs/reference/conformance.md says for every row of the protocol which test shows it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
import websockets

from core.db import in_thread
from jobs.events import EventType, NewEvent
from jobs.log import cursor_of
from tests.support.clients import ALL, TRANSPORTS, Follow, Headers, Item, Refused, ndjson, session
from tests.support.live_server import SERVERS, LiveServer, live_server, outputs
from tests.support.services import Services, with_database

STREAMS = ["websocket", "sse", "octets"]
HEALS, USED = "poll_heals_total", 'hints_total{of="used"}'
# What is the application's alone is tried on one server.
on_daphne = pytest.mark.parametrize("scene", ["daphne"], indirect=True)


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param, REPRISE_HEARTBEAT_SECONDS="0.5"
        ) as started,
    ):
        yield started


@pytest.fixture(params=TRANSPORTS)
def follow(request: pytest.FixtureRequest) -> Follow:
    return TRANSPORTS[request.param]


@pytest.fixture
def headers(scene: LiveServer) -> Headers:
    return scene.people.alice.headers


def events(items: list[Item]) -> list[str]:
    return [item.text for item in items if item.kind == "event"]


def kinds(items: list[Item]) -> list[str]:
    """The kinds in order, events in a row as one, without heartbeats and reconnects' hellos."""
    found: list[str] = []
    for item in items:
        if item.kind != "heartbeat" and (not found or found[-1] != item.kind):
            found.append(item.kind)
    return found


def order(follow: Follow, *expected: str) -> list[str]:
    """What comes in which order; a long poll says no hello."""
    return [kind for kind in expected if follow is not TRANSPORTS["longpoll"] or kind != "hello"]


async def whole(
    scene: LiveServer, follow: Follow, job: object, after: str, who: Headers
) -> list[Item]:
    return [item async for item in follow(scene.web, job, after, who)]  # type: ignore[arg-type]  # any id


async def test_history_then_live_then_the_end(
    scene: LiveServer, follow: Follow, headers: Headers
) -> None:
    job = await scene.new_job(outputs(2500, 'é\u2028\r\n"}],data: '))
    items: list[Item] = []
    async with aclosing(follow(scene.web, job, "0", headers)) as stream:
        async for item in stream:
            items.append(item)
            if item.kind == "caught_up":
                for number in range(20):
                    await scene.append(job, *outputs(1 + number % 3, f"live {number}"))
                await scene.finish(job)
    assert events(items) == scene.rows(job)
    assert kinds(items) == order(follow, "hello", "event", "caught_up", "event", "end")


async def test_cut_at_any_cursor_it_goes_on_where_it_was(
    scene: LiveServer, follow: Follow, headers: Headers
) -> None:
    chance = random.Random(2207)
    job = await scene.new_job(outputs(300))
    writing = asyncio.create_task(_write(scene, job, chance))
    got: list[str] = []
    ended = False
    while not ended:
        after = cursor_of(got[-1]) if got else "0"
        if chance.random() < 0.5:
            after = after.split("-")[0]  # by number alone
        stop_at = chance.randrange(1, 200)
        async with aclosing(follow(scene.web, job, after, headers)) as stream:
            count = 0
            async for item in stream:
                if item.kind == "event":
                    got.append(item.text)
                    count += 1
                ended = item.kind == "end"
                if count >= stop_at:
                    break
    await writing
    assert got == scene.rows(job)


async def _write(scene: LiveServer, job: object, chance: random.Random) -> None:
    for _ in range(60):
        await scene.append(job, *outputs(chance.randrange(1, 9)))  # type: ignore[arg-type]
    await scene.finish(job)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["seq", "hash"])
async def test_from_the_terminal_event_there_is_only_the_end(
    scene: LiveServer, follow: Follow, headers: Headers, form: str
) -> None:
    job = await scene.new_job()
    await scene.finish(job, EventType.JOB_FAILED)
    rows = scene.rows(job)
    after = cursor_of(rows[-1]) if form == "hash" else str(len(rows))
    items = await whole(scene, follow, job, after, headers)
    assert kinds(items) == order(follow, "hello", "caught_up", "end")
    assert items[-1].data["status"] == "failed"


@pytest.mark.parametrize("follow", STREAMS, indirect=True)
async def test_a_cursor_at_the_head_is_caught_up_at_once(
    scene: LiveServer, follow: Follow, headers: Headers
) -> None:
    job = await scene.new_job(outputs(3))
    head = len(scene.rows(job))
    async with aclosing(follow(scene.web, job, str(head), headers)) as stream:
        assert (await anext(stream)).data["head"] == head
        caught_up = await anext(stream)
        assert (caught_up.kind, caught_up.data["seq"], caught_up.data["head"]) == (
            "caught_up", head, head,
        )  # fmt: skip


@pytest.mark.parametrize("follow", STREAMS, indirect=True)
async def test_silence_is_broken_by_heartbeats(
    scene: LiveServer, follow: Follow, headers: Headers
) -> None:
    job = await scene.new_job()
    beats = []
    async with aclosing(follow(scene.web, job, "0", headers)) as stream:
        async for item in stream:
            if item.kind == "heartbeat":
                beats.append(item.data)
            if len(beats) == 2:
                break
    assert all(beat["head"] == 2 and beat["at"].endswith("Z") for beat in beats)


@on_daphne
async def test_big_events_come_whole(scene: LiveServer, follow: Follow, headers: Headers) -> None:
    job = await scene.new_job(outputs(12, "x" * 60_000))
    await scene.finish(job)
    assert events(await whole(scene, follow, job, "0", headers)) == scene.rows(job)


@on_daphne
async def test_many_follow_one_job_and_all_get_everything(
    scene: LiveServer, follow: Follow, headers: Headers
) -> None:
    job = await scene.new_job(outputs(50))
    following = [asyncio.create_task(whole(scene, follow, job, str(n), headers)) for n in range(20)]
    await _write(scene, job, random.Random(7))
    rows = scene.rows(job)
    for number, task in enumerate(following):
        assert events(await task) == rows[number:]


BAD_CURSORS = [
    "", "x", "-1", "1.5", "01", str(2**63), "5-zzzzzzzz", "5-5F1C2A9B", "5-1234", "0-00000000",
]  # fmt: skip
REFUSALS = {
    "unknown": ("not_found", 404, 4504),
    "not an id": ("not_found", 404, 4504),
    "of another team": ("not_found", 404, 4504),
    "of another team, ahead": ("not_found", 404, 4504),
    "ahead": ("cursor_ahead", 409, 4509),
    "far ahead": ("cursor_ahead", 409, 4509),
    "of another history": ("history_diverged", 409, 4510),
    "no token": ("not_signed_in", 401, 4501),
    "bad token": ("not_signed_in", 401, 4501),
    **dict.fromkeys(BAD_CURSORS, ("bad_cursor", 400, 4500)),
}
DOORS = TRANSPORTS | {"ndjson": ndjson}
# An empty `Last-Event-ID` is none.
ASKED = [(door, case) for door in DOORS for case in REFUSALS if (door, case) != ("sse", "")]


@pytest.mark.parametrize(("door", "case"), ASKED)
async def test_a_refusal_says_why(
    scene: LiveServer, headers: Headers, door: str, case: str
) -> None:
    job: object = await scene.new_job()
    after = "0"
    match case:
        case "unknown":
            job = uuid4()
        case "not an id":
            job = "nonsense"
        case "of another team":
            headers = scene.people.carol.headers
        case "of another team, ahead":
            headers, after = scene.people.carol.headers, "3"
        case "ahead":
            after = "3"
        case "far ahead":
            after = str(2**63 - 1)
        case "of another history":
            after = "2-00000000"
        case "no token":
            headers = {}
        case "bad token":
            headers = {"Authorization": "Bearer rp_nonsense"}
        case _:
            after = case
    with pytest.raises(Refused) as refused:
        await whole(scene, DOORS[door], job, after, headers)
    code, status, close = REFUSALS[case]
    expected = (None, close) if door == "websocket" else (status, None)
    assert refused.value.code == code
    assert (refused.value.status, refused.value.close) == expected


FAULTS = {
    "websocket": (None, 4011), "feed": (None, 4011),
    "sse": (500, None), "octets": (500, None), "longpoll": (500, None),
}  # fmt: skip


@on_daphne
@pytest.mark.parametrize("transport", FAULTS)
async def test_a_fault_of_the_server_is_said_to_be_one(
    scene: LiveServer, services: Services, headers: Headers, transport: str
) -> None:
    job = await scene.new_job()
    with pytest.raises(Refused) as refused, broken(scene, services):
        await whole(scene, ALL[transport], job, "0", headers)
    assert refused.value.code == "internal"
    assert (refused.value.status, refused.value.close) == FAULTS[transport]


@contextmanager
def broken(scene: LiveServer, services: Services) -> Iterator[None]:
    """Take the table of tokens away."""
    name = urlsplit(scene.database_url).path.removeprefix("/")
    url = with_database(services.postgres.superuser_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table jobs_apitoken rename to not_there")
        try:
            yield
        finally:
            connection.execute("alter table not_there rename to jobs_apitoken")


async def test_a_session_may_follow_as_a_token_may(scene: LiveServer, follow: Follow) -> None:
    job = await scene.new_job()
    await scene.finish(job)
    browser = await in_thread(scene.people.vera.browser)
    assert events(await whole(scene, follow, job, "0", session(browser))) == scene.rows(job)


async def test_an_export_is_the_whole_log_a_line_an_event(
    scene: LiveServer, headers: Headers
) -> None:
    job = await scene.new_job(outputs(2500, "é\u2028\r\n"))
    rows = scene.rows(job)
    assert events(await whole(scene, ndjson, job, "0", headers)) == rows
    assert events(await whole(scene, ndjson, job, cursor_of(rows[1999]), headers)) == rows[2000:]
    assert await whole(scene, ndjson, job, str(len(rows)), headers) == []


@on_daphne
async def test_live_comes_by_hints_not_by_the_poll(scene: LiveServer, headers: Headers) -> None:
    job = await scene.new_job(outputs(10))
    before = await asyncio.to_thread(scene.counters)
    following = asyncio.create_task(whole(scene, TRANSPORTS["websocket"], job, "0", headers))
    for _ in range(50):
        await scene.append(job, *outputs(3))
        await asyncio.sleep(0.05)
    await scene.append(job, NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 1}))
    await scene.finish(job)
    assert events(await following) == scene.rows(job)
    after = await asyncio.to_thread(scene.counters)
    healed, used = (after[name] - before.get(name, 0) for name in (HEALS, USED))
    # Beside other suites a hint may be dropped: Valkey has a second for it.
    assert 10 * healed < used


async def test_the_servers_log_has_no_ticket(scene: LiveServer) -> None:
    url = f"{scene.web.ws}/ws/jobs/{await scene.new_job()}/?ticket=not-to-be-logged"
    async with websockets.connect(url, open_timeout=60) as opened:
        assert "not_signed_in" in str(await opened.recv())
    async with httpx.AsyncClient(base_url=scene.web.url, timeout=60) as client:
        await client.get("/api/jobs/x/stream?ticket=not-to-be-logged")
    assert "not-to-be-logged" not in scene.web.log.read_text()
