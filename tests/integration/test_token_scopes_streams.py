"""What a token's scope does to each way of following, the exports and the metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import websockets

from core.db import in_thread
from jobs.access import tokens
from jobs.models import ApiToken
from tests.support.clients import TRANSPORTS, Headers, Refused
from tests.support.factories import ATTEMPT, make_job
from tests.support.feeding import feed_everything
from tests.support.live_server import LiveServer, live_server
from tests.support.people import Person
from tests.support.services import Services

NDJSON = {"Accept": "application/x-ndjson"}
CODES = {
    "websocket": (None, 4503),
    "sse": (403, None),
    "octets": (403, None),
    "longpoll": (403, None),
}


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url,
            REPRISE_ROTATE_SECONDS="1", REPRISE_ACCESS_SECONDS="1",
        ) as started,
    ):  # fmt: skip
        yield started


def make_headers(person: Person, *names: str, kind: str = "") -> Headers:
    count = ApiToken.objects.count()
    _token, raw = tokens.make_token(person.user, f"t{count}", scope_names=names, kind=kind)
    return {"Authorization": f"Bearer {raw}"}


async def headers_of(person: Person, *names: str, kind: str = "") -> Headers:
    return await in_thread(make_headers, person, *names, kind=kind)


async def refusal(scene: LiveServer, transport: str, job: UUID, headers: Headers) -> Refused:
    with pytest.raises(Refused) as refused:
        async for _item in TRANSPORTS[transport](scene.web, job, "0", headers):
            pass
    return refused.value


@pytest.mark.parametrize("transport", CODES)
async def test_a_token_that_does_not_read_follows_nothing(
    scene: LiveServer, transport: str
) -> None:
    job = await scene.new_job()
    own = await headers_of(scene.people.alice, "submit", "steer")
    told = await refusal(scene, transport, job, own)
    assert (told.code, told.status, told.close) == ("forbidden", *CODES[transport])


@pytest.mark.parametrize("transport", CODES)
async def test_a_token_of_another_kind_finds_no_job(scene: LiveServer, transport: str) -> None:
    job = await scene.new_job()
    own = await headers_of(scene.people.alice, "read", kind="command")
    assert (await refusal(scene, transport, job, own)).code == "not_found"


async def test_eventstreams_form_asks_the_scope_too(scene: LiveServer) -> None:
    job = await scene.new_job()
    url = f"{scene.web.url}/events/?channel=job-{job}"
    for own, said in (
        (await headers_of(scene.people.alice, "submit"), "lacks the scope read"),
        (await headers_of(scene.people.alice, "read", kind="command"), "Permission denied"),
    ):
        async with httpx.AsyncClient(headers=own, timeout=60) as client:
            answer = await client.get(url)
        assert "stream-error" in answer.text
        assert said in answer.text


async def test_the_feed_and_the_exports_have_what_the_scope_covers(scene: LiveServer) -> None:
    mine = await scene.new_job()
    other = await in_thread(make_other, scene)
    await in_thread(feed_everything)
    own = await headers_of(scene.people.alice, "read", kind="load")
    url = f"{scene.web.ws}/ws/feed/?after=0"
    seen: set[str] = set()
    async with websockets.connect(url, additional_headers=own, open_timeout=60) as socket:
        while (frame := json.loads(await socket.recv()))["kind"] != "caught_up":
            seen |= {one["job"] for one in frame.get("events", ())}
    async with httpx.AsyncClient(headers=own | NDJSON, timeout=60) as client:
        lines = (await client.get(f"{scene.web.url}/api/audit")).text.splitlines()
        one = await client.get(f"{scene.web.url}/api/jobs/{other}/events")
    exported = {json.loads(line)["job"] for line in lines}
    assert str(mine) in seen & exported
    assert str(other) not in seen | exported
    assert one.status_code == 404


async def test_a_feed_and_an_export_take_the_scope_read(scene: LiveServer) -> None:
    own = await headers_of(scene.people.alice, "submit", "steer", "admin")
    async with websockets.connect(
        f"{scene.web.ws}/ws/feed/?after=0", additional_headers=own, open_timeout=60
    ) as it:
        assert json.loads(await it.recv())["code"] == "forbidden"
    async with httpx.AsyncClient(headers=own | NDJSON, timeout=60) as client:
        answer = await client.get(f"{scene.web.url}/api/audit")
    assert (answer.status_code, answer.json()["missing_scope"]) == (403, "read")


async def test_a_scope_that_shrinks_ends_what_it_opened(scene: LiveServer) -> None:
    job = await scene.new_job()
    own = await headers_of(scene.people.alice, "read", "steer")
    url = f"{scene.web.ws}/ws/jobs/{job}/?after=0"
    async with (
        websockets.connect(url, additional_headers=own, open_timeout=60) as it,
        asyncio.timeout(60),
    ):
        while json.loads(await it.recv())["kind"] != "caught_up":
            pass
        await in_thread(lambda: ApiToken.objects.filter(scopes="read steer").update(scopes="steer"))
        while (frame := json.loads(await it.recv()))["kind"] != "error":
            pass
    assert frame["code"] == "forbidden"


async def test_the_metrics_take_a_token_that_reads_all(scene: LiveServer) -> None:
    root = scene.people.root
    answers = []
    for own in (
        await headers_of(root, "read"),
        await headers_of(root, "steer"),
        await headers_of(root, "read", kind="load"),
        await headers_of(scene.people.alice, "read"),
    ):
        async with httpx.AsyncClient(headers=own, timeout=60) as client:
            answers.append((await client.get(f"{scene.web.url}/metrics")).status_code)
    assert answers == [200, 403, 403, 404]


def make_other(scene: LiveServer) -> UUID:
    alice = scene.people.alice.user
    return make_job(alice, [ATTEMPT], kind="command", team=scene.people.red).pk
