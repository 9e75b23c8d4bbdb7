"""Streams that are compressed, on both servers: the same events, at once, in fewer bytes."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from core.errors import BadRequest
from jobs.events import NewEvent
from tests.support.clients import texts_of
from tests.support.factories import output
from tests.support.live_server import SERVERS, LiveServer, live_server
from tests.support.services import Services

LIVE = 12
# Of whole frames; the texts alone are larger.
LEAST_TIMES = 4
MIB = 1024 * 1024
# What browsers offer, and what libraries do.
OFFERS: dict[str, dict[str, Any]] = {
    "a browser": {},
    "websockets": {"server_max_window_bits": 12, "client_max_window_bits": 12},
    "no takeover": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    "a small window": {"server_max_window_bits": 9},
}


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param) as started,
    ):
        yield started


def compiling(number: int) -> NewEvent:
    """Return what a compiler prints within a moment."""
    words = "gcc -Wall -O2 -I../include -fstack-protector-strong -c -o"
    lines = (f"{words} mod{one}.o mod{one}.c\n" for one in range(number, number + 6))
    return output("".join(lines))


class Counting(ClientConnection):
    """Counts the bytes that come."""

    arrived = 0

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)


@asynccontextmanager
async def offering(scene: LiveServer, job: UUID, after: int, offer: str) -> AsyncIterator[Counting]:
    factory = ClientPerMessageDeflateFactory(**OFFERS[offer])
    async with websockets.connect(
        f"{scene.web.ws}/ws/jobs/{job}/?after={after}",
        additional_headers=scene.people.alice.headers,
        extensions=[factory],
        compression=None,
        create_connection=Counting,
        open_timeout=60,
    ) as opened:
        assert isinstance(opened, Counting)
        yield opened


async def events_of(opened: ClientConnection, count: int) -> list[str]:
    """Return so many events; what else comes is passed over."""
    texts: list[str] = []
    while len(texts) < count:
        text = str(await opened.recv())
        texts += texts_of(text) if json.loads(text)["kind"] == "events" else []
    return texts


@pytest.mark.parametrize("offer", OFFERS)
async def test_a_websocket_has_the_same_events(scene: LiveServer, offer: str) -> None:
    job = await scene.new_job([compiling(number) for number in range(50)])
    async with offering(scene, job, 0, offer) as opened:
        terms = opened.response and opened.response.headers.get("Sec-WebSocket-Extensions")
        assert bool(terms) == (offer != "a small window")
        texts = await events_of(opened, 52)
        for number in range(LIVE):
            await scene.append(job, compiling(number))
            texts += await events_of(opened, 1)
        assert texts == scene.rows(job)


async def test_live_frames_of_a_websocket_are_small(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(0)])
    async with offering(scene, job, 0, "a browser") as opened:
        await events_of(opened, 3)
        before = opened.arrived
        for number in range(LIVE):
            await scene.append(job, compiling(number))
            await events_of(opened, 1)
        arrived = opened.arrived - before
    assert sum(map(len, scene.rows(job)[-LIVE:])) > LEAST_TIMES * arrived


async def test_followers_from_different_places_have_the_same_events(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(number) for number in range(10)])
    async with (
        offering(scene, job, 0, "a browser") as one,
        offering(scene, job, 9, "a browser") as other,
        offering(scene, job, 12, "websockets") as third,
    ):
        got = [await events_of(one, 12), await events_of(other, 3), []]
        for number in range(LIVE):
            await scene.append(job, compiling(number))
            for texts, opened in zip(got, (one, other, third), strict=True):
                texts += await events_of(opened, 1)
    rows = scene.rows(job)
    assert got == [rows, rows[9:], rows[12:]]


async def test_a_compressed_follow_is_read(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(number) for number in range(3)])
    async with offering(scene, job, 5, "a browser") as opened:
        for _ in range(2):
            await opened.send(json.dumps({"kind": "follow", "after": "0"}))
            assert await events_of(opened, 5) == scene.rows(job)


def deflated(data: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (made.compress(data) + made.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


BOMB = b" " * 64 * MIB
PART = b" " * 600_000


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, compressed: bool = False) -> bytes:
    """Return a client's frame; `compressed` sets the bit that says so."""
    made = bytearray(Frame(opcode, data, fin=fin).serialize(mask=True))
    made[0] |= compressed << 6
    return bytes(made)


BAD = {
    "garbage": frame(Opcode.TEXT, b"\xff" * 40, compressed=True),
    "a bomb": frame(Opcode.TEXT, deflated(BOMB), compressed=True),
    "a bomb in parts": frame(Opcode.TEXT, deflated(PART), fin=False, compressed=True)
    + frame(Opcode.CONT, deflated(PART), fin=False) * 4,
    "a compressed continuation": frame(Opcode.TEXT, deflated(b"{"), fin=False, compressed=True)
    + frame(Opcode.CONT, b"}", compressed=True),
}


@pytest.mark.parametrize("bad", BAD)
async def test_bad_compressed_frames_are_refused(scene: LiveServer, bad: str) -> None:
    job = await scene.new_job()
    async with offering(scene, job, 0, "a browser") as opened:
        await events_of(opened, 2)
        opened.transport.write(BAD[bad])
        with pytest.raises(websockets.ConnectionClosed) as end:
            await events_of(opened, 1)
    assert end.value.rcvd
    assert end.value.rcvd.code == BadRequest.close_code


async def test_a_compressed_frame_without_terms_is_refused(scene: LiveServer) -> None:
    job = await scene.new_job()
    async with offering(scene, job, 0, "a small window") as opened:
        await events_of(opened, 2)
        opened.transport.write(frame(Opcode.TEXT, deflated(b"{}"), compressed=True))
        with pytest.raises(websockets.ConnectionClosed) as end:
            await events_of(opened, 1)
    assert end.value.rcvd
    assert end.value.rcvd.code == BadRequest.close_code


@asynccontextmanager
async def stream(scene: LiveServer, path: str, **headers: str) -> AsyncIterator[httpx.Response]:
    own = scene.people.alice.headers | headers
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", f"{scene.web.url}/api/jobs/{path}", headers=own) as got,
    ):
        yield got


async def data_until(parts: AsyncIterator[str], count: int) -> list[str]:
    """Return the data of so many unnamed messages."""
    texts: list[str] = []
    while len(texts) < count:
        line = await anext(parts)
        texts += [line.removeprefix("data: ")] if line.startswith('data: {"seq"') else []
    return texts


async def test_an_event_stream_in_gzip_has_each_event_at_once(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(number) for number in range(10)])
    async with stream(scene, f"{job}/stream", **{"Accept-Encoding": "gzip"}) as got:
        assert got.headers["content-encoding"] == "gzip"
        assert got.headers["cache-control"] == "no-cache, no-store, no-transform"
        assert "Accept-Encoding" in got.headers["vary"]
        lines = got.aiter_lines()
        texts = await data_until(lines, 12)
        for number in range(LIVE):
            await scene.append(job, compiling(number))
            texts += await data_until(lines, 1)
        assert texts == scene.rows(job)


async def test_live_messages_of_an_event_stream_are_small(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(0)])
    async with stream(scene, f"{job}/stream?after=2", **{"Accept-Encoding": "gzip"}) as got:
        lines = got.aiter_lines()
        await data_until(lines, 1)
        before = got.num_bytes_downloaded
        for number in range(LIVE):
            await scene.append(job, compiling(number))
            await data_until(lines, 1)
        arrived = got.num_bytes_downloaded - before
    assert sum(map(len, scene.rows(job)[-LIVE:])) > LEAST_TIMES * arrived


@pytest.mark.parametrize(
    ("accept", "encodings"),
    [
        ("text/event-stream", "identity"), ("text/event-stream", "gzip;q=0"),
        ("text/event-stream", "gzip;q=0.5, identity"), ("application/octet-stream", "gzip"),
        # What requests and httpx send by themselves.
        ("text/event-stream", "gzip, deflate"), ("text/event-stream", "gzip, deflate, br, zstd"),
    ],
)  # fmt: skip
async def test_who_does_not_ask_for_it_gets_it_as_it_is(
    scene: LiveServer, accept: str, encodings: str
) -> None:
    job = await scene.new_job()
    headers = {"Accept": accept, "Accept-Encoding": encodings}
    async with stream(scene, f"{job}/stream?rotate_s=0", **headers) as got:
        assert got.headers["content-encoding"] == "identity"
        assert b"event: hello" in await got.aread()


async def test_browsers_get_gzip_though_they_name_what_libraries_name(scene: LiveServer) -> None:
    job = await scene.new_job()
    browser = {"Accept-Encoding": "gzip, deflate", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    async with stream(scene, f"{job}/stream?rotate_s=0", **browser) as got:
        assert got.headers["content-encoding"] == "gzip"


async def test_curl_reads_a_compressed_stream_to_its_end(scene: LiveServer) -> None:
    job = await scene.new_job([compiling(number) for number in range(200)])
    await scene.finish(job)
    url = f"{scene.web.url}/api/jobs/{job}/stream"
    [(name, value)] = scene.people.alice.headers.items()
    assert await run_curl("--compressed", "-H", f"{name}: {value}", url) == scene.rows(job)


async def run_curl(*arguments: str) -> Sequence[str]:
    pipe = asyncio.subprocess.PIPE
    curl = await asyncio.create_subprocess_exec("curl", "-sSN", *arguments, stdout=pipe)
    out, _ = await curl.communicate()
    assert curl.returncode == 0
    prefix = 'data: {"seq"'
    return [line[6:] for line in out.decode().split("\n") if line.startswith(prefix)]


@pytest.fixture(scope="module")
def without(services: Services) -> Iterator[LiveServer]:
    """A server that is told not to compress."""
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_COMPRESS_STREAMS="0") as started,
    ):
        yield started


async def test_an_installation_can_do_without(without: LiveServer) -> None:
    job = await without.new_job()
    async with stream(without, f"{job}/stream?rotate_s=0", **{"Accept-Encoding": "gzip"}) as got:
        assert got.headers["content-encoding"] == "identity"
    async with offering(without, job, 0, "a browser") as opened:
        assert opened.response
        assert "Sec-WebSocket-Extensions" not in opened.response.headers
