"""Pages of events, each held until there is something: passes whatever passes HTTP at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from streams.client.cursor import seq_of
from streams.client.errors import BadCursor, BadFrame
from streams.client.frames import CaughtUp, End, Events, Heartbeat, Hello, split
from streams.client.link import HEARTBEAT_S, PROTOCOL
from streams.client.moves import Open, Signal
from streams.client.transports.http import Door, NoAnswer, get

JSON = "application/json"
# The longest that the server holds an empty answer, in seconds.
LONGEST_WAIT = 25
# Most events an answer.
LIMIT = 1000
# A proxy's way of saying that it did not want to wait as long.
IMPATIENT = frozenset({408, 502, 504})
# Where no answer may be held at all, how often to ask.
PAUSE_SECONDS = 2.0


async def signals(door: Door, move: Open) -> AsyncGenerator[Signal, None]:
    """Yield the frames that a stream would have sent, until the job's end."""
    polling = Polling(move.cursor)
    while not polling.over:
        url = door.addresses.events(polling.cursor, LIMIT, polling.wait)
        try:
            async with get(door, url, (JSON,), {}) as response:
                text = (await response.aread()).decode(errors="replace")
        except NoAnswer as none:
            if not polling.shorten(none.status):
                raise
        else:
            for signal in polling.take(text):
                yield signal
        if polling.too_short:
            await asyncio.sleep(PAUSE_SECONDS)


class Polling:
    """Turns pages into frames, and says what to ask for next."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        #: Seconds that the next answer may be held. The first comes at once: a sign that it works.
        self.wait = 0
        self.over = False
        self._longest = LONGEST_WAIT
        self._greeted = self._caught_up = False

    @property
    def too_short(self) -> bool:
        """Whether to pause before the next request, since no answer is held."""
        return self._longest < 1 and self._caught_up and not self.over

    def shorten(self, status: int) -> bool:
        """Ask for a shorter hold; False where that was not what went wrong."""
        if self.wait == 0 or status not in IMPATIENT:
            return False
        self.wait = self._longest = self.wait // 2
        return True

    def take(self, text: str) -> Iterator[Signal]:
        """Take one page; yield its frames. BadFrame where it is none."""
        page, events = split(text)
        match page:
            case {"next": str(cursor), "head": int(head), "status": str(status), "end": bool(end)}:
                seq = _seq(cursor)
            case _:
                raise BadFrame("This is no page of events.")
        if not self._greeted:
            self._greeted = True
            yield Hello(PROTOCOL, head, HEARTBEAT_S)
        self.cursor = cursor
        yield Events(tuple(events)) if events else Heartbeat(head)
        if not self._caught_up and seq >= head:
            self._caught_up = True
            yield CaughtUp(seq, head)
        if end:
            self.over = True
            yield End(seq, status)
        self.wait = self._longest if self._caught_up else 0


def _seq(cursor: str) -> int:
    try:
        return seq_of(cursor)
    except BadCursor:
        raise BadFrame("This is no page of events.") from None
