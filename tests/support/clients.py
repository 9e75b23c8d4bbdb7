"""Followers over each transport, as plain as a client can be; what they get in one form.

An item is its kind and the exact text: of an event what is between the commas of a frame, in the
`data:` of a message, in the list of an answer. Nothing is parsed and written again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import websockets
from django.test import Client
from httpx_sse import EventSource

from tests.support.live_server import Web

Headers = dict[str, str]
_SCAN = json.JSONDecoder()


class Item(NamedTuple):
    """One thing that a follower got: its kind (`event` for an event) and its text."""

    kind: str
    text: str

    @property
    def data(self) -> Any:
        """The text, parsed."""
        return json.loads(self.text)


class Refused(Exception):
    """The server said no: the code, the HTTP status, the WebSocket close code."""

    def __init__(self, code: str, status: int | None = None, close: int | None = None) -> None:
        super().__init__(f"{code} (HTTP {status}, close {close})")
        self.code, self.status, self.close = code, status, close


Items = AsyncGenerator[Item, None]
Follow = Callable[[Web, UUID | str, str, Headers], Items]


def session(browser: Client) -> Headers:
    """Return the header that makes somebody of a client who has signed in."""
    pairs = [f"{cookie.key}={cookie.value}" for cookie in browser.cookies.values()]
    return {"Cookie": "; ".join(pairs)}


def texts_of(frame: str) -> list[str]:
    """Return the texts of the first JSON list in `frame`, each exactly as it stands there."""
    at, found = frame.index('"events":[') + len('"events":['), []
    while frame[at] != "]":
        _, end = _SCAN.raw_decode(frame, at)
        found.append(frame[at:end])
        at = end + (frame[end] == ",")
    return found


async def websocket(web: Web, job: UUID | str, after: str, headers: Headers) -> Items:
    """Follow on a WebSocket until it is closed."""
    async with aclosing(_frames(f"{web.ws}/ws/jobs/{job}/?after={after}", headers)) as items:
        async for item in items:
            yield item


async def feed(web: Web, _job: UUID | str, after: str, headers: Headers) -> Items:
    """Follow the feed of all jobs from a position; each summary is an event."""
    async with aclosing(_frames(f"{web.ws}/ws/feed/?after={after}", headers)) as items:
        async for item in items:
            yield item


async def _frames(url: str, headers: Headers) -> Items:
    error = ""
    # No pings, as from a browser: they would give up a server that a test holds for 20 s.
    connecting = websockets.connect(
        url, additional_headers=headers, max_size=None, ping_interval=None, open_timeout=60
    )
    async with connecting as socket:
        try:
            while True:
                frame = str(await socket.recv())
                kind = json.loads(frame)["kind"]
                if kind == "events":
                    for text in texts_of(frame):
                        yield Item("event", text)
                elif kind == "error":
                    error = json.loads(frame)["code"]
                else:
                    yield Item(kind, frame)
        except websockets.ConnectionClosed as closed:
            close = closed.rcvd.code if closed.rcvd else None
            if error or close != 1000:
                raise Refused(error, close=close) from None


async def sse(web: Web, job: UUID | str, after: str, headers: Headers) -> Items:
    """Follow an event stream, coming back by `Last-Event-ID` until there is nothing to come for."""
    own = {"Accept": "text/event-stream"} | headers
    async with aclosing(_messages(web, job, {"Last-Event-ID": after}, {}, own)) as items:
        async for item in items:
            yield item


async def octets(web: Web, job: UUID | str, after: str, headers: Headers) -> Items:
    """Follow the same stream under a type that no filter holds; begin by `after`."""
    own = {"Accept": "application/octet-stream"} | headers
    async with aclosing(_messages(web, job, {}, {"after": after}, own)) as items:
        async for item in items:
            yield item


async def _messages(
    web: Web, job: UUID | str, last_id: Headers, query: dict[str, str], headers: Headers
) -> Items:
    url = f"{web.url}/api/jobs/{job}/stream"
    async with httpx.AsyncClient(timeout=60) as client:
        while True:
            async with client.stream("GET", url, params=query, headers=headers | last_id) as got:
                if got.status_code == 204:
                    return
                await _check(got)
                async for message in EventSource(_as_sse(got)).aiter_sse():
                    last_id = {"Last-Event-ID": message.id} if message.id else last_id
                    kind = "event" if message.event == "message" else message.event
                    if kind == "stream-error":
                        raise Refused(message.json()["code"], status=200)
                    yield Item(kind, message.data)


async def longpoll(web: Web, job: UUID | str, after: str, headers: Headers) -> Items:
    """Follow by one answer after the other; `caught_up` and `end` as the answers imply them."""
    caught_up = False
    async with httpx.AsyncClient(timeout=60) as client:
        while True:
            params = {"after": after, "wait": "5", "limit": "700"}
            url = f"{web.url}/api/jobs/{job}/events"
            got = await client.get(url, params=params, headers=headers)
            await _check(got)
            for text in texts_of(got.text):
                yield Item("event", text)
            after, answer = got.json()["next"], got.text
            if not caught_up and int(after.split("-")[0]) == got.json()["head"]:
                caught_up = True
                yield Item("caught_up", answer)
            if got.json()["end"]:
                yield Item("end", answer)
                return


async def ndjson(web: Web, job: UUID | str, after: str, headers: Headers) -> Items:
    """Read a job's log to its head."""
    own = headers | {"Accept": "application/x-ndjson"}
    url = f"{web.url}/api/jobs/{job}/events"
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, params={"after": after}, headers=own) as got,
    ):
        await _check(got)
        body = (await got.aread()).decode()
        assert body == "" or body.endswith("\n")
        for line in body.split("\n")[:-1]:
            yield Item("event", line)


TRANSPORTS: dict[str, Follow] = {
    "websocket": websocket,
    "sse": sse,
    "octets": octets,
    "longpoll": longpoll,
}
ALL = TRANSPORTS | {"feed": feed}


async def _check(got: httpx.Response) -> None:
    if got.status_code != 200:
        problem = json.loads(await got.aread())
        assert got.headers["content-type"] == "application/problem+json"
        raise Refused(problem["code"], status=got.status_code)


def _as_sse(got: httpx.Response) -> httpx.Response:
    """Let httpx-sse, which insists on the type, read an octet stream as well."""
    if got.headers["content-type"] == "application/octet-stream":
        got.headers["content-type"] = "text/event-stream"
    return got
