"""Followers that cannot be served are told why, in the same words on every transport."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.acceptance.people import People
from tests.acceptance.up import CALL_SECONDS, Up

ABSENT = "01920000-0000-7000-8000-000000000000"
# The protocol's table: code → HTTP status, close code.
DOCUMENTED = {
    "bad_cursor": (400, 4500),
    "not_signed_in": (401, 4501),
    "not_found": (404, 4504),
    "cursor_ahead": (409, 4509),
    "history_diverged": (409, 4510),
}


@dataclass(frozen=True)
class Wish:
    """What a follower asks for."""

    url: str
    job: str
    after: str = "0"
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The header that the token makes."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


async def on_websocket(wish: Wish) -> tuple[str, int]:
    """Return the error's code and the close code."""
    async with opened(wish, wish.headers) as socket:
        frame = json.loads(await socket.recv())
        assert list(frame)[:3] == ["kind", "code", "message"], frame
        assert (frame["kind"], frame["retry_after_s"]) == ("error", None)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return frame["code"], closed.value.rcvd.code


def opened(wish: Wish, headers: dict[str, str], origin: str | None = None) -> connect:
    """Return a WebSocket that is about to be opened."""
    address = f"{wish.url.replace('http', 'ws', 1)}/ws/jobs/{wish.job}/?after={wish.after}"
    said = Origin(origin) if origin else None
    return connect(address, additional_headers=headers, origin=said, proxy=None, open_timeout=60)


def over_http(path: str, **own: str) -> Callable[[Wish], Awaitable[tuple[str, int]]]:
    """Return a way to ask by HTTP; it returns the error's code and the status."""

    async def ask(wish: Wish) -> tuple[str, int]:
        async with httpx.AsyncClient(timeout=CALL_SECONDS, trust_env=False) as client:
            answer = await client.get(
                f"{wish.url}/api/jobs/{wish.job}/{path}",
                params={"after": wish.after},
                headers=wish.headers | own,
            )
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return problem["code"], answer.status_code

    return ask


async def by_last_event_id(wish: Wish) -> tuple[str, int]:
    """Ask for a stream with the cursor where a browser's own EventSource has it."""
    with_header = over_http("stream", **{"Last-Event-ID": wish.after})
    return await with_header(Wish(wish.url, wish.job, "0", wish.token))


HTTP, CLOSE = 0, 1
DOORS: dict[str, tuple[Callable[[Wish], Awaitable[tuple[str, int]]], int]] = {
    "websocket": (on_websocket, CLOSE),
    "sse": (over_http("stream", Accept="text/event-stream"), HTTP),
    "octets": (over_http("stream", Accept="application/octet-stream"), HTTP),
    "last-event-id": (by_last_event_id, HTTP),
    "longpoll": (over_http("events"), HTTP),
    "ndjson": (over_http("events", Accept="application/x-ndjson"), HTTP),
}


@pytest.mark.parametrize("door", DOORS)
async def test_each_refusal_has_its_code_on_every_transport(
    up: Up, people: People, finished: str, door: str
) -> None:
    ask, column = DOORS[door]
    before = up.rows.everything()
    for wish, code in wishes(up, people, finished):
        if door == "last-event-id" and not wish.after:
            continue  # an empty header is none
        assert await ask(wish) == (code, DOCUMENTED[code][column]), wish
    assert up.rows.everything() == before


def wishes(up: Up, people: People, job: str) -> list[tuple[Wish, str]]:
    """Return what cannot be served, each with the code of its refusal."""
    head = up.rows.head(job)
    cursors = {
        "cursor_ahead": [f"{head + 1}", f"{head + 1}-00000000", f"{2**63 - 1}"],
        "history_diverged": ["1-00000000", f"{head}-00000000"],
        "bad_cursor": ["", "-1", "x", "1.5", f"{2**63}", "1-xyz", "0-00000000", "01"],
    }
    by_cursor = [
        (Wish(up.url, job, after, up.token), code)
        for code, values in cursors.items()
        for after in values
    ]
    return [
        *by_cursor,
        (Wish(up.url, job, "0", people.otto), "not_found"),
        (Wish(up.url, job, f"{head + 1}", people.otto), "not_found"),
        (Wish(up.url, ABSENT, "0", up.token), "not_found"),
        (Wish(up.url, "no-id", "0", up.token), "not_found"),
        (Wish(up.url, job, "0", None), "not_signed_in"),
        (Wish(up.url, job, "0", "rp_" + "x" * 43), "not_signed_in"),
    ]


async def test_a_page_from_elsewhere_opens_no_websocket(up: Up, finished: str) -> None:
    with up.browser() as browser:
        pairs = [f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar]
    session = {"Cookie": "; ".join(pairs)}
    wish = Wish(up.url, finished)
    async with opened(wish, session, origin=up.url) as socket:
        assert await greeting(socket) == "hello"
    elsewhere = ["https://evil.example", "http://127.0.0.1:9", "http://localhost", "null"]
    for origin in elsewhere:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(wish, session, origin=origin):
                pass
        assert refused.value.response.status_code == 403, origin


async def greeting(socket: ClientConnection) -> str:
    """Return the kind of the first frame."""
    return str(json.loads(await socket.recv())["kind"])
