"""Responses that `streams.transports.detached` ends, on Django's own handler and middleware."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.urls import path

from core.errors import NotSignedIn
from streams.followers.registry import Message
from streams.transports import detached


class Parts(asyncio.Queue[bytes]):
    """Parts of an answer; `awaited` is set once somebody asks for one."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = asyncio.Event()

    async def get(self) -> bytes:
        """Return the next part."""
        self.awaited.set()
        return await super().get()


PARTS: Parts
closed: list[str] = []
requests: list[weakref.ref[HttpRequest]] = []


async def _parts() -> AsyncGenerator[bytes, None]:
    try:
        while part := await PARTS.get():
            yield part
    finally:
        closed.append("parts")


async def streams(request: HttpRequest) -> HttpResponseBase:
    """Answer with what is put into PARTS, up to an empty part."""
    requests.append(weakref.ref(request))
    return detached.detached_stream(request, _parts(), {"Content-Type": "text/plain"})


async def waits(request: HttpRequest) -> HttpResponseBase:
    """Answer with the first of PARTS; none is a refusal."""
    requests.append(weakref.ref(request))

    async def make() -> HttpResponse:
        if part := await PARTS.get():
            return HttpResponse(part, content_type="text/plain")
        raise NotSignedIn

    return await detached.detached_response(request, make)


async def fails(request: HttpRequest) -> HttpResponseBase:
    """Make an answer that lasts, and then give none."""
    await streams(request)
    raise ValueError


urlpatterns = [path("streams", streams), path("waits", waits), path("fails", fails)]


@pytest.fixture(autouse=True)
def _these_urls() -> Iterator[None]:
    closed.clear()
    requests.clear()
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        yield


class Client:
    """One request of the application, on the running loop."""

    def __init__(self, where: str) -> None:
        global PARTS
        PARTS = Parts()
        self.said: asyncio.Queue[Message] = asyncio.Queue()
        self._hears: asyncio.Queue[Message] = asyncio.Queue()
        self._hears.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        scope = {
            "type": "http", "method": "GET", "path": where, "query_string": b"",
            "headers": [(b"host", b"reprise.example")],
        }  # fmt: skip
        application = detached.detach_responses(ASGIHandler())  # type: ignore[arg-type]  # a plain dict is its scope
        self.answering = asyncio.ensure_future(application(scope, self._hears.get, self.said.put))

    def leave(self) -> None:
        """Close the connection."""
        self._hears.put_nowait({"type": "http.disconnect"})

    async def start(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers."""
        start = await self.said.get()
        assert start["type"] == "http.response.start"
        names = [name.lower() for name, _ in start["headers"]]
        assert len(names) == len(set(names))
        return start["status"], {n.decode().lower(): v.decode() for n, v in start["headers"]}

    async def body(self) -> tuple[bytes, bool]:
        """Return a part of the body, and whether there is more."""
        body = await self.said.get()
        assert body["type"] == "http.response.body"
        return body["body"], body["more_body"]


def _held() -> list[Any]:
    """Return what of Django's or ours is still held for a request."""
    gc.collect()
    ours = (ASGIRequest, detached.DetachedResponse)
    # Not isinstance: what another test has left may be lazy, and is not to be made by being asked.
    return [one for one in gc.get_objects() if issubclass(type(one), ours)]


def test_a_stream_has_middlewares_headers_its_parts_and_an_end() -> None:
    async def story() -> None:
        client = Client("/streams")
        PARTS.put_nowait(b"one")
        status, headers = await client.start()
        assert status == 200
        assert headers["content-type"] == "text/plain"
        assert headers["x-frame-options"] == "DENY"
        assert "content-length" not in headers
        assert await client.body() == (b"one", True)
        PARTS.put_nowait(b"x" * (detached.CHUNK_BYTES + 1))
        assert await client.body() == (b"x" * detached.CHUNK_BYTES, True)
        assert await client.body() == (b"x", True)
        PARTS.put_nowait(b"")
        assert await client.body() == (b"", False)
        await client.answering

    asyncio.run(story())


@pytest.mark.parametrize("where", ["/streams", "/waits"])
def test_while_it_waits_nothing_is_held_of_the_request_and_after_it_nothing_of_ours(
    where: str,
) -> None:
    async def story() -> None:
        client = Client(where)
        await PARTS.awaited.wait()
        gc.collect()
        assert [request() for request in requests] == [None]
        client.leave()
        await client.answering
        assert _held() == []

    asyncio.run(story())


def test_who_leaves_ends_the_stream() -> None:
    async def story() -> None:
        client = Client("/streams")
        PARTS.put_nowait(b"one")
        await client.start()
        await client.body()
        client.leave()
        await client.answering
        assert closed == ["parts"]
        assert client.said.empty()

    asyncio.run(story())


def test_for_who_has_left_before_it_begins_nothing_is_begun() -> None:
    async def story() -> None:
        client = Client("/streams")
        client.leave()
        await client.answering
        assert closed == []
        assert client.said.empty()

    asyncio.run(story())


def test_a_server_that_cuts_an_answer_off_ends_its_work() -> None:
    async def story() -> None:
        client = Client("/streams")
        await client.start()
        client.answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.answering
        assert closed == ["parts"]

    asyncio.run(story())


def test_a_stream_that_fails_fails_the_application_so_that_the_server_cuts_it() -> None:
    async def story() -> None:
        client = Client("/streams")
        PARTS.put_nowait(7)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await client.answering

    asyncio.run(story())


def test_an_error_in_place_of_the_answer_is_the_whole_answer() -> None:
    async def story() -> None:
        client = Client("/fails")
        status, headers = await client.start()
        assert status == 500
        body, more = await client.body()
        assert not more
        assert len(body) == int(headers["content-length"])
        await client.answering
        assert closed == []

    asyncio.run(story())


@pytest.mark.parametrize(("part", "status"), [(b"page", 200), (b"", 401)])
def test_an_answer_that_is_made_later_has_its_own_status_length_and_middlewares_headers(
    part: bytes, status: int
) -> None:
    async def story() -> None:
        client = Client("/waits")
        PARTS.put_nowait(part)
        reported, headers = await client.start()
        assert reported == status
        assert headers["x-frame-options"] == "DENY"
        kind = "text/plain" if part else "application/problem+json"
        assert headers["content-type"] == kind
        assert ("www-authenticate" in headers) == (not part)
        body, more = await client.body()
        assert not more
        assert len(body) == int(headers["content-length"])
        assert body == part or b"not_signed_in" in body
        await client.answering

    asyncio.run(story())
