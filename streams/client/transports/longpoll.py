"""Pages of events, each held until there is something: passes whatever passes HTTP at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress

import httpx

from streams.client.actions import Alive, Open, Signal
from streams.client.connection import PROTOCOL, UNSAID_HEARTBEAT_S
from streams.client.errors import BadCursor, BadFrame
from streams.client.frames import CaughtUp, End, Events, Heartbeat, Hello, seq_of, split_page
from streams.client.transports.http import Door, NoAnswer, get_stream

JSON = "application/json"
# The longest that the server holds an empty answer, in seconds.
LONGEST_WAIT = 25
# Events an answer: the first has few, and each may have twice as many as the one before.
FIRST_LIMIT, MOST_LIMIT = 32, 1000
# How long an answer may take to come, in seconds, to be followed by a larger one, or by a smaller.
QUICK_SECONDS, SLOW_SECONDS = 3.0, 6.0
# What the next event begins with, in a page as the server writes it.
NEXT_EVENT = ',{"seq":'
# A proxy's way of saying that it did not want to wait as long.
IMPATIENT = frozenset({408, 502, 504})
# Where no answer may be held at all, how often to ask.
PAUSE_SECONDS = 2.0


async def poll_signals(door: Door, move: Open) -> AsyncGenerator[Signal, None]:
    """Yield the frames that a stream would have sent, until the job's end."""
    polling, clock = Polling(move.cursor), asyncio.get_running_loop().time
    while not polling.over:
        url = door.addresses.events(polling.cursor, polling.limit, polling.wait)
        body = bytearray()
        try:
            async with get_stream(door, url, (JSON,), {}) as response:
                began = clock()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    yield Alive(len(chunk))
        except NoAnswer as none:
            if not polling.shorten(none.status):
                raise
        except (httpx.HTTPError, OSError):
            for signal in polling.salvage(body.decode(errors="replace")):
                yield signal
            raise
        else:
            for signal in polling.take(body.decode(errors="replace"), clock() - began):
                yield signal
        if polling.too_short:
            await asyncio.sleep(PAUSE_SECONDS)


class Polling:
    """Turns pages into frames, and says what to ask for next."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        #: Seconds that the next answer may be held. The first comes at once: a sign that it works.
        self.wait = 0
        #: How many events the next answer may have: as many as come in 3 to 6 seconds.
        self.limit = FIRST_LIMIT
        self.over = False
        self._longest = LONGEST_WAIT
        self._greeted = self._caught_up = False

    @property
    def too_short(self) -> bool:
        """Whether to pause before the next request, since no answer is held."""
        return self._longest < 1 and self._caught_up and not self.over

    def shorten(self, status: int) -> bool:
        """Ask for a shorter hold; False if that was not what went wrong."""
        if self.wait == 0 or status not in IMPATIENT:
            return False
        self.wait = self._longest = self.wait // 2
        return True

    def take(self, text: str, seconds: float) -> Iterator[Signal]:
        """Take one page, whose text took so long to come; yield its frames. BadFrame otherwise."""
        page, events = split_page(text)
        match page:
            case {"next": str(cursor), "head": int(head), "status": str(status), "end": bool(end)}:
                seq = _cursor_seq(cursor)
            case _:
                raise BadFrame("Not a page of events.")
        if not self._greeted:
            self._greeted = True
            yield Hello(PROTOCOL, head, UNSAID_HEARTBEAT_S)
        self.cursor = cursor
        yield Events(tuple(events)) if events else Heartbeat(head)
        if not self._caught_up and seq >= head:
            self._caught_up = True
            yield CaughtUp(seq, head)
        if end:
            self.over = True
            yield End(seq, status)
        self.wait = self._longest if self._caught_up else 0
        self._fit_limit(len(events), seconds)

    def salvage(self, text: str) -> Iterator[Signal]:
        """Yield the events that are whole in a page which was cut off."""
        whole = max(text.rfind(NEXT_EVENT), 0)
        with suppress(BadFrame):
            _, events = split_page(f"{text[:whole]}]}}")
            if events:
                if not self._greeted:
                    yield Hello(PROTOCOL, events[-1].seq, UNSAID_HEARTBEAT_S)
                yield Events(tuple(events))

    def _fit_limit(self, events: int, seconds: float) -> None:
        if seconds > SLOW_SECONDS:
            self.limit = max(min(self.limit, events) // 2, 1)
        elif seconds < QUICK_SECONDS and events >= self.limit:
            self.limit = min(self.limit * 2, MOST_LIMIT)


def _cursor_seq(cursor: str) -> int:
    try:
        return seq_of(cursor)
    except BadCursor:
        raise BadFrame("Not a page of events.") from None
