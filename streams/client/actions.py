"""What the core is told, signal by signal, and what it wants done, move by move."""

from __future__ import annotations

from dataclasses import dataclass

from streams.client.close_reasons import Closed
from streams.client.frames import Event, Frame
from streams.client.info import Info, Trouble


@dataclass(frozen=True, slots=True)
class Alive:
    """So many bytes came, though perhaps no whole frame yet."""

    size: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """The server set the reconnection time."""

    seconds: float


#: What a connection brings.
Signal = Frame | Alive | Retry | Closed


@dataclass(frozen=True, slots=True)
class Open:
    """Connect over this transport, for what comes after the cursor; say `number` with its signals.

    `rotate_s`: how long an answer of a stream may last, None for as long as the server likes.
    """

    number: int
    transport: str
    cursor: str
    rotate_s: float | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Let go of a connection; it may be over already."""

    number: int


@dataclass(frozen=True, slots=True)
class Given:
    """New events, each exactly once, in order, as many as came together."""

    events: tuple[Event, ...]
    info: Info


@dataclass(frozen=True, slots=True)
class Told:
    """Something about the connection changed."""

    info: Info


@dataclass(frozen=True, slots=True)
class Reset:
    """What was given out before does not hold any more; all comes again from seq 1."""

    info: Info


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing follows: the job ended (`error` None), or the follower gave up."""

    error: Trouble | None
    info: Info


Move = Open | Close | Given | Told | Reset | Over
