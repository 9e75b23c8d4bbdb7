"""What only a WebSocket has, a job's and the feed's: frames, `follow`, close codes, origins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from core.db import in_thread
from tests.support.clients import session, texts_of
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

JOB, FEED = "/ws/jobs/{job}/", "/ws/feed/"
both = pytest.mark.parametrize("address", [JOB, FEED], ids=["job", "feed"])
TRUSTED = "https://panel.example.org https://*.games.example.org"


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, REPRISE_TRUSTED_ORIGINS=TRUSTED.replace(" ", ",")
        ) as started,
    ):
        yield started


@asynccontextmanager
async def socket(scene: LiveServer, path: str) -> AsyncIterator[ClientConnection]:
    headers = scene.people.alice.headers
    async with websockets.connect(
        f"{scene.web.ws}{path}", additional_headers=headers, open_timeout=60
    ) as opened:
        yield opened


@asynccontextmanager
async def page(scene: LiveServer, path: str, origin: str | None) -> AsyncIterator[ClientConnection]:
    """Connect as a browser does from a page of an origin: with the session, wherever that is."""
    headers = session(await in_thread(scene.people.alice.browser))
    own = headers | ({"Origin": origin} if origin else {})
    async with websockets.connect(
        f"{scene.web.ws}{path}", additional_headers=own, open_timeout=60
    ) as opened:
        yield opened


async def frame(opened: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await opened.recv())
    return found


async def until_caught_up(opened: ClientConnection) -> list[str]:
    texts: list[str] = []
    while True:
        text = str(await opened.recv())
        if json.loads(text)["kind"] == "events":
            texts += texts_of(text)
        if json.loads(text)["kind"] == "caught_up":
            return texts


async def closed(opened: ClientConnection) -> tuple[dict[str, Any], int | None]:
    """Return the last frame and the close code."""
    last: dict[str, Any] = {}
    try:
        while True:
            last = await frame(opened)
    except websockets.ConnectionClosed as end:
        return last, end.rcvd.code if end.rcvd else None


def path(job: UUID, after: str = "0") -> str:
    return f"/ws/jobs/{job}/?after={after}"


async def test_the_first_frame_says_what_follows(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(2))
    async with socket(scene, path(job, "3")) as opened:
        assert await frame(opened) == {
            "kind": "hello", "protocol": 1, "job": str(job), "after": "3", "head": 4,
            "heartbeat_s": 15,
        }  # fmt: skip


async def test_every_frame_names_its_kind_first(scene: LiveServer) -> None:
    job = await scene.new_job()
    await scene.finish(job)
    async with socket(scene, path(job)) as opened:
        frames = [str(text) async for text in opened]
    assert all(text.startswith('{"kind":"') for text in frames)
    assert opened.close_code == 1000
    assert json.loads(frames[-1]) == {"kind": "end", "seq": 3, "status": "succeeded"}


async def test_without_a_cursor_it_starts_at_the_start(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(2))
    async with socket(scene, f"/ws/jobs/{job}/") as opened:
        assert await until_caught_up(opened) == scene.rows(job)


@pytest.mark.parametrize("after", ["2", 2, "0"])
async def test_follow_starts_over_on_the_same_socket(scene: LiveServer, after: str | int) -> None:
    job = await scene.new_job(outputs(4))
    rows = scene.rows(job)
    async with socket(scene, path(job)) as opened:
        assert await until_caught_up(opened) == rows
        await opened.send(json.dumps({"kind": "follow", "after": after}))
        assert (await frame(opened))["after"] == str(after)
        assert await until_caught_up(opened) == rows[int(after) :]
        await scene.append(job, *outputs(1))
        assert texts_of(str(await opened.recv())) == scene.rows(job)[len(rows) :]


async def test_follow_in_the_middle_of_a_history_starts_over_too(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3000))
    async with socket(scene, path(job)) as opened:
        await opened.recv()
        await opened.send(json.dumps({"kind": "follow", "after": "2900"}))
        while (await frame(opened)).get("after") != "2900":
            pass
        assert await until_caught_up(opened) == scene.rows(job)[2900:]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "bad_request"),
        ("[" * 100_000, "bad_request"),
        ("[]", "bad_request"),
        ('{"kind":"dance"}', "bad_request"),
        (b'{"kind":"follow","after":"0"}', "bad_request"),
        ('{"kind":"follow"}', "bad_cursor"),
        ('{"kind":"follow","after":true}', "bad_cursor"),
        ('{"kind":"follow","after":"-3"}', "bad_cursor"),
        ('{"kind":"follow","after":999999}', "cursor_ahead"),
    ],
)
@both
async def test_a_bad_message_is_told_why_and_closes(
    scene: LiveServer, address: str, message: str | bytes, code: str
) -> None:
    job = await scene.new_job()
    async with socket(scene, address.format(job=job)) as opened:
        await until_caught_up(opened)
        await opened.send(message)
        last, close = await closed(opened)
    assert last["kind"] == "error"
    assert last["code"] == code
    assert last["message"]
    assert last["retry_after_s"] is None
    assert close == (4509 if code == "cursor_ahead" else 4500)


@pytest.mark.parametrize("address", ["/ws/", "/ws/jobs/", "/ws/feeds", "/nothing", "/ws/jobs/x/y/"])
async def test_other_addresses_hold_nothing(scene: LiveServer, address: str) -> None:
    async with socket(scene, address) as opened:
        last, close = await closed(opened)
    assert (last["code"], close) == ("not_found", 4504)


@pytest.mark.parametrize(
    "origin", ["http://{host}", None, "https://panel.example.org", "https://eu.games.example.org"]
)
@both
async def test_own_and_trusted_origins_are_let_in(
    scene: LiveServer, address: str, origin: str | None
) -> None:
    job = await scene.new_job()
    own = origin and origin.format(host=f"127.0.0.1:{scene.web.port}")
    async with page(scene, address.format(job=job), own) as opened:
        assert (await frame(opened))["kind"] == "hello"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1",
        "https://panel.example.org:444", "http://panel.example.org", "https://example.org",
    ],
)  # fmt: skip
@both
async def test_any_other_origin_is_refused_at_the_handshake(
    scene: LiveServer, address: str, origin: str
) -> None:
    job = await scene.new_job()
    with pytest.raises(InvalidStatus) as refused:
        async with page(scene, address.format(job=job), origin):
            pass
    assert refused.value.response.status_code == 403


async def test_a_host_that_is_not_ours_is_refused(scene: LiveServer) -> None:
    job = await scene.new_job()
    url = f"ws://rebound.example:{scene.web.port}{path(job)}"
    with pytest.raises(InvalidStatus) as refused:
        async with websockets.connect(url, host="127.0.0.1", port=scene.web.port, open_timeout=60):
            pass
    assert refused.value.response.status_code == 403
