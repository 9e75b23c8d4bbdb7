"""A follower far behind catches up by pages: each event once, whatever becomes of their answer."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Literal

import httpx
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.client.actions import Given, Open, Signal
from streams.client.addresses import Addresses
from streams.client.backoff import Backoff, Patience
from streams.client.core import Core
from streams.client.errors import BadFrame
from streams.client.fallback import LONG_POLL, TRANSPORTS, WEBSOCKET, Fallback
from streams.client.frames import CaughtUp, End, Event, Events, Hello, parse_event, seq_of
from streams.client.lines import parse_lines
from streams.client.transports import pages
from streams.client.transports.http import Door
from streams.client.transports.pages import FAR_EVENTS, CatchUp, Unpacker
from tests.unit.client_world import JOB, history

LOG = history(FAR_EVENTS + 700)
Fate = Literal["whole", "cut", "short", "garbage", "foreign", "unknown", "silent", "html"]
FATES: tuple[Fate, ...] = (
    "whole", "cut", "short", "garbage", "foreign", "unknown", "silent", "html"
)  # fmt: skip


def packed(events: Sequence[Event], frame_events: int = 1000) -> bytes:
    """Return a file as the server sends it."""
    texts = [event.raw + b"\n" for event in events]
    return b"".join(
        zstandard.ZstdCompressor().compress(b"".join(texts[at : at + frame_events]))
        for at in range(0, len(texts), frame_events)
    )


class PageServer:
    """A server whose answers with pages have the fates that it is given; then they are whole."""

    def __init__(self, fates: Sequence[tuple[Fate, float]]) -> None:
        self.fates = list(fates)
        self.asked: list[str] = []
        self.opened: list[str] = []
        addresses = Addresses(f"http://test/jobs/{JOB}")
        self.door = Door(addresses, None)
        transport = httpx.MockTransport(self.answer)
        self.door.__dict__["client"] = httpx.AsyncClient(transport=transport)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        cursor = request.url.params["after"]
        self.asked.append(cursor)
        fate, part = self.fates.pop(0) if self.fates else ("whole", 1.0)
        if fate == "unknown":
            return httpx.Response(404, json={"code": "not_found"})
        headers = {"Content-Type": "text/html" if fate == "html" else "application/zstd"}
        log = history(len(LOG), job=JOB.__class__(int=1)) if fate == "foreign" else LOG
        body = packed(log[seq_of(cursor) :])
        return httpx.Response(200, headers=headers, content=_sent(body, fate, part))

    async def connect(self, door: Door, move: Open) -> AsyncGenerator[Signal, None]:
        """Follow as a stream does, to the end."""
        assert door is self.door
        self.opened.append(move.cursor)
        yield Hello(1, len(LOG), 15.0)
        for at in range(seq_of(move.cursor), len(LOG), 1500):
            yield Events(tuple(LOG[at : at + 1500]))
        yield CaughtUp(len(LOG), len(LOG))
        yield End(len(LOG), "succeeded")


async def _sent(body: bytes, fate: Fate, part: float) -> AsyncIterator[bytes]:
    end = len(body) if fate in {"whole", "foreign", "html"} else int(len(body) * part)
    for at in range(0, end, 5000):
        yield body[at : min(at + 5000, end)]
    match fate:
        case "cut":
            raise httpx.ReadError("cut")
        case "garbage":
            yield b"\x28\xb5\x2f\xfdnonsense" * 100
        case "silent":
            await asyncio.sleep(3600)


async def followed(server: PageServer, after: int = 0, transport: str = WEBSOCKET) -> list[Event]:
    """Return what a follower gives out, its core deciding on all that comes."""
    cursor = LOG[after - 1].cursor if after else "0"
    core = Core(
        JOB, cursor, Fallback([transport], None), Backoff(random.random), Patience(), verify=True
    )
    core.start(0.0)
    given_out: list[Event] = []
    catch_up = CatchUp(server.door)
    while not core.over:
        for move in [*core.moves()]:
            if isinstance(move, Given):
                given_out += move.events
            if isinstance(move, Open):
                async for signal in catch_up.signals(server.connect, move):
                    core.take(move.number, signal, 0.1)
    given_out += [
        event for move in core.moves() if isinstance(move, Given) for event in move.events
    ]
    await server.door.close()
    return given_out


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SILENT_SECONDS", 0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(FATES), st.floats(0, 1)), max_size=4),
    st.integers(0, len(LOG) - FAR_EVENTS),
)
def test_whatever_becomes_of_the_pages_each_event_comes_once(
    fates: list[tuple[Fate, float]], after: int
) -> None:
    fates = [fate for fate in fates if fate[0] != "foreign"]
    assert asyncio.run(followed(PageServer(fates), after)) == LOG[after:]


async def test_who_is_far_behind_gets_pages_and_the_rest_as_ever() -> None:
    server = PageServer([])
    assert await followed(server) == LOG
    assert (server.asked, server.opened) == (["0"], ["0", LOG[-1].cursor])


@pytest.mark.parametrize(
    ("after", "transport"),
    [(len(LOG) - FAR_EVENTS + 1, WEBSOCKET), (0, LONG_POLL)],
    ids=["near", "long poll"],
)
async def test_others_are_asked_no_pages(after: int, transport: str) -> None:
    server = PageServer([])
    assert await followed(server, after, transport) == LOG[after:]
    assert server.asked == []


@pytest.mark.parametrize("fate", ["unknown", "html", "silent"])
async def test_where_there_are_none_they_are_asked_once(fate: Fate) -> None:
    server = PageServer([(fate, 0.0)])
    catch_up = CatchUp(server.door)
    for number in (1, 2):
        came = catch_up.signals(server.connect, Open(number, WEBSOCKET, "0"))
        found = [signal async for signal in came]
        events = [event for it in found if isinstance(it, Events) for event in it.events]
        assert events == LOG
    assert (server.asked, server.opened) == (["0"], ["0", "0", "0"])


async def test_pages_of_another_history_are_not_believed() -> None:
    server = PageServer([("foreign", 1.0)])
    core = Core(JOB, "0", Fallback(TRANSPORTS), Backoff(random.random), Patience(), verify=True)
    core.start(0.0)
    [opened] = [move for move in core.moves() if isinstance(move, Open)]
    async for signal in CatchUp(server.door).signals(server.connect, opened):
        core.take(opened.number, signal, 0.1)
        if core.over:
            break
    assert core.info.error is not None
    assert (core.info.error.code, core.info.seq) == ("broken_chain", 0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text('aé\u2028"\\'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
    max_leaves=5,
)
MEMBERS = st.fixed_dictionaries(
    {"seq": st.integers(1), "type": st.text("a.b"), "hash": st.text("0f")},
    optional={
        "version": st.integers(), "at": st.text("2Z"), "actor": st.text("aé"),
        "attempt": st.integers(), "step": st.none() | st.text("aé"), "target": st.text("aé"),
        "data": st.dictionaries(st.text("abé"), VALUES), "new": VALUES,
    },
)  # fmt: skip


@given(st.lists(MEMBERS))
def test_lines_are_read_as_single_events_are(members: list[dict[str, object]]) -> None:
    texts = [json.dumps(each, ensure_ascii=False) for each in members]
    found = parse_lines("".join(f"{text}\n" for text in texts).encode())
    assert repr(found) == repr([parse_event(text) for text in texts])  # NaN is not itself


@pytest.mark.parametrize(
    "text", [b"\n", b"{}\n", b"[]\n", b"null\n", b'{"seq":1}\n', b"\xff\n", b'{"seq":1} {}\n']
)
def test_what_is_no_line_of_events_is_told_from_one(text: bytes) -> None:
    with pytest.raises(BadFrame):
        parse_lines(text)


@given(st.integers(1, 50), st.integers(1, 20))
def test_a_file_is_read_however_it_is_split(size: int, frame_events: int) -> None:
    body, unpacker = packed(LOG[:50], frame_events), Unpacker()
    lines = [unpacker.take(body[at : at + size]) for at in range(0, len(body), size)]
    assert [event for each in lines for event in parse_lines(each)] == LOG[:50]
