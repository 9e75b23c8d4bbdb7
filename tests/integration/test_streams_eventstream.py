"""django-eventstream's form of following, from outside: its messages, ids, resets and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from core.db import in_thread
from jobs.log import cursor_of
from tests.support.clients import Headers
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

MESSAGES = ["message", "stream-open", "keep-alive", "stream-reset", "stream-error"]


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ROTATE_SECONDS="1") as started,
    ):
        yield started


@pytest.fixture
def headers(scene: LiveServer) -> Headers:
    return scene.people.alice.headers


def channel(job: UUID) -> str:
    return f"job-{job}"


class Client:
    """httpx-sse, doing what an EventSource does: it keeps the last id, and comes back with it."""

    def __init__(
        self, scene: LiveServer, headers: Headers, *channels: str, last_id: str = ""
    ) -> None:
        self.last_id = last_id
        self.status = 0
        self._url = f"{scene.web.url}/events/"
        self._params = [("channel", name) for name in channels]
        self._headers = headers

    async def once(self) -> list[ServerSentEvent]:
        """Return the messages of one answer, to its end."""
        own = self._headers | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        got: list[ServerSentEvent] = []
        async with (
            httpx.AsyncClient(timeout=60) as client,
            aconnect_sse(client, "GET", self._url, params=self._params, headers=own) as source,
        ):
            self.status = source.response.status_code
            if self.status != 200:
                return []
            async for message in source.aiter_sse():
                assert message.event in MESSAGES
                got.append(message)
                self.last_id = message.id or self.last_id
        return got

    async def to_the_end(self) -> list[str]:
        """Return every event's text, coming back until the answer is another than 200."""
        texts: list[str] = []
        while True:
            got = await self.once()
            if self.status != 200:
                return texts
            texts += [message.data for message in got if message.event == "message"]


def texts(got: list[ServerSentEvent]) -> list[str]:
    return [message.data for message in got if message.event == "message"]


def error(got: list[ServerSentEvent]) -> dict[str, Any]:
    """Return what the last message says, which must be a `stream-error`."""
    assert got[-1].event == "stream-error"
    assert got[-1].id == "error"
    found: dict[str, Any] = got[-1].json()
    return found


# --- what is sent


async def test_an_answer_begins_with_stream_open_and_then_the_log(
    scene: LiveServer, headers: Headers
) -> None:
    job = await scene.new_job(outputs(2500, "é\u2028\r\n"))
    got = await Client(scene, headers, channel(job)).once()
    assert [(got[0].event, got[0].data, got[0].id)] == [("stream-open", "", "")]
    assert texts(got) == scene.rows(job)
    ids = [message.id for message in got if message.event == "message"]
    assert ids == [f"{channel(job)}:{cursor_of(text)}" for text in scene.rows(job)]


async def test_nothing_on_the_way_is_left_a_reason_to_hold_it(
    scene: LiveServer, headers: Headers
) -> None:
    job = await scene.new_job()
    url = f"{scene.web.url}/events/?channel={channel(job)}"
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=headers) as got,
    ):
        first = await anext(got.aiter_raw())
    assert got.headers["content-type"] == "text/event-stream"
    assert got.headers["cache-control"] == "no-cache, no-store, no-transform"
    assert got.headers["x-accel-buffering"] == "no"
    assert len(first) > 2048
    assert b"event: stream-open\ndata:\n\n" in first


async def test_across_rotations_a_client_gets_every_event_once_and_then_204(
    scene: LiveServer, headers: Headers
) -> None:
    job = await scene.new_job(outputs(40))
    client = Client(scene, headers, channel(job))
    following = asyncio.create_task(client.to_the_end())
    for _ in range(30):
        await scene.append(job, *outputs(2))
        await asyncio.sleep(0.05)
    await scene.finish(job)
    assert await following == scene.rows(job)
    assert client.status == 204


async def test_several_channels_resume_from_one_id(scene: LiveServer, headers: Headers) -> None:
    jobs = [await scene.new_job(outputs(200)) for _ in range(3)]
    client = Client(scene, headers, *map(channel, jobs))
    following = asyncio.create_task(client.to_the_end())
    for number in range(20):
        for job in jobs[number % 3 :]:
            await scene.append(job, *outputs(1))
        await asyncio.sleep(0.05)
    for job in jobs:
        await scene.finish(job)
    got = await following
    for job in jobs:
        rows = scene.rows(job)
        assert [text for text in got if text in set(rows)] == rows
    assert len(got) == sum(len(scene.rows(job)) for job in jobs)


# --- where it resumes


@pytest.mark.parametrize("form", ["header", "parameter", "seq alone"])
async def test_an_id_resumes_after_its_event(
    scene: LiveServer, headers: Headers, form: str
) -> None:
    job = await scene.new_job(outputs(5))
    rows = scene.rows(job)
    seen = f"{channel(job)}:{'4' if form == 'seq alone' else cursor_of(rows[3])}"
    name = f"{channel(job)}&lastEventId={seen}" if form == "parameter" else channel(job)
    own = {} if form == "parameter" else {"Last-Event-ID": seen}
    async with httpx.AsyncClient(timeout=60) as client:
        url = f"{scene.web.url}/events/?channel={name}"
        got = (await client.get(url, headers=headers | own)).text
    data = [line[6:] for line in got.split("\n") if line.startswith("data: ")]
    assert data == rows[4:]


@pytest.mark.parametrize("last_id", ["99", "3-00000000"])
async def test_an_id_that_is_no_place_in_the_log_resets(
    scene: LiveServer, headers: Headers, last_id: str
) -> None:
    job = await scene.new_job(outputs(5))
    other = await scene.new_job(outputs(1))
    seen = f"{channel(job)}:{last_id},{channel(other)}:3"
    client = Client(scene, headers, channel(job), channel(other), last_id=seen)
    got = await client.once()
    assert [message.event for message in got[:2]] == ["stream-open", "stream-reset"]
    assert got[1].json() == {"channels": [channel(job)]}
    assert dict(part.split(":") for part in got[1].id.split(",")) == {
        channel(job): "0", channel(other): "3",
    }  # fmt: skip
    assert texts(got) == scene.rows(job)


async def test_the_id_of_an_error_is_refused(scene: LiveServer, headers: Headers) -> None:
    job = await scene.new_job()
    async with httpx.AsyncClient(timeout=60) as client:
        url = f"{scene.web.url}/events/?channel={channel(job)}"
        got = await client.get(url, headers=headers | {"Last-Event-ID": "error"})
    assert got.status_code == 400
    assert got.headers["content-type"] == "text/plain"


# --- who may read


async def test_a_channel_that_is_not_theirs_is_refused_as_an_unknown_one_is(
    scene: LiveServer,
) -> None:
    job, nobody = await scene.new_job(), uuid4()
    reported = []
    for name in (channel(job), channel(nobody), "news", "job-nonsense"):
        got = await Client(scene, scene.people.carol.headers, name).once()
        assert len(got) == 1
        assert error(got)["channels"] == [name]
        reported.append((error(got)["condition"], error(got)["text"].replace(name, "…")))
    assert set(reported) == {("forbidden", "Permission denied to channels: …")}


async def test_one_refused_channel_refuses_all(scene: LiveServer, headers: Headers) -> None:
    job, other = await scene.new_job(), uuid4()
    got = await Client(scene, headers, channel(job), channel(other)).once()
    assert error(got)["channels"] == [channel(other)]


@pytest.mark.parametrize("own", [{}, {"Authorization": "Bearer rp_nonsense"}])
async def test_nobody_who_is_not_signed_in_reads(scene: LiveServer, own: Headers) -> None:
    job = await scene.new_job()
    assert error(await Client(scene, own, channel(job)).once())["condition"] == "forbidden"


async def test_a_ticket_opens_nothing_here_and_no_cookie_counts_beside_it(
    scene: LiveServer,
) -> None:
    job = await scene.new_job()
    browser = await in_thread(scene.people.vera.browser)
    cookies = {"Cookie": "; ".join(f"{c.key}={c.value}" for c in browser.cookies.values())}
    async with httpx.AsyncClient(timeout=60) as client:
        url = f"{scene.web.url}/events/?channel={channel(job)}&ticket=x"
        got = await client.get(url, headers=cookies)
    assert json.loads(got.text.split("data: ")[1])["condition"] == "forbidden"


async def test_a_session_reads_as_a_token_does(scene: LiveServer) -> None:
    job = await scene.new_job()
    await scene.finish(job)
    browser = await in_thread(scene.people.vera.browser)
    cookies = {"Cookie": "; ".join(f"{c.key}={c.value}" for c in browser.cookies.values())}
    assert await Client(scene, cookies, channel(job)).to_the_end() == scene.rows(job)


@pytest.mark.parametrize(
    "query",
    [
        "", "channel=", "channel={name}&lastEventId=x", "channel={name}&lastEventId={name}:x",
        "channel={name}&lastEventId={name}:-1", "channel={name}&recover=true",
        "channel={name}&link=next", "channel={name}&es-meta=x",
        "&".join(f"channel=job-{number}" for number in range(11)),
    ],
)  # fmt: skip
async def test_a_malformed_request_is_said_to_be_one(
    scene: LiveServer, headers: Headers, query: str
) -> None:
    job = await scene.new_job()
    async with httpx.AsyncClient(timeout=60) as client:
        url = f"{scene.web.url}/events/?{query.format(name=channel(job))}"
        got = await client.get(url, headers=headers)
    assert got.status_code == 200
    reported = json.loads(got.text.split("data: ")[1])
    assert reported["condition"] == ("forbidden" if query == "channel=" else "bad-request")


async def test_only_reading_is_served(scene: LiveServer, headers: Headers) -> None:
    job = await scene.new_job()
    async with httpx.AsyncClient(timeout=60, headers=headers) as client:
        url = f"{scene.web.url}/events/?channel={channel(job)}"
        head = await client.head(url)
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
        assert (await client.options(url)).status_code == 204
