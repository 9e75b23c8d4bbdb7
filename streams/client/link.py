"""One connection, without its input and output: what may come over it, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.client.closed import Closed, Lost, Refusal, Rotated
from streams.client.frames import CaughtUp, End, Event, Events, FellBehind, Frame, Hello

#: The protocol's version that this follower speaks.
PROTOCOL = 1
# Silence longer than this many heartbeats means that nobody is there any more.
PATIENCE = 2.5
# What a `hello` without a usable `heartbeat_s` is taken to say.
HEARTBEAT_S = 15.0


@dataclass(slots=True)
class Link:
    """Waits for a first frame (an open socket alone proves nothing), watches for silence, and lets
    through events in unbroken order only. Times are seconds of one clock.

    `last` is the seq that it has come to, `deadline` when its silence is too long. On a `flowing`
    one every few bytes are seen as they come: until it has caught up its server never pauses, and
    when it seems to, something on the way holds the rest back.
    """

    number: int
    transport: str
    last: int
    opened_at: float
    first_frame_s: float
    rotate_s: float | None = None
    flowing: bool = False
    greeted: bool = False
    #: Whether any frame has come, or the server has said why it gives none.
    reached: bool = False
    caught_up: bool = False
    brought: int = 0
    duplicates: int = 0
    gaps: int = 0
    deadline: float = field(init=False)
    _patience_s: float = field(init=False, default=PATIENCE * HEARTBEAT_S)

    def __post_init__(self) -> None:
        self.deadline = self.opened_at + self.first_frame_s

    def alive(self, now: float) -> None:
        """Something came, perhaps no whole frame; before the first one that is not enough."""
        if self.greeted:
            self.deadline = now + self._silence_s

    def take(self, frame: Frame, now: float) -> tuple[list[Event], Closed | None]:
        """Return what of a frame is new, and why the connection is over if it is."""
        if isinstance(frame, Hello):
            return [], self._greet(frame, now)
        if not self.greeted:
            name = type(frame).__name__
            return [], Lost("bad_frame", f"The first frame was {name}, not Hello.")
        if isinstance(frame, CaughtUp) and frame.seq <= self.last:
            self.caught_up = True
        self.alive(now)
        match frame:
            case Events(events):
                return self._events(events)
            case CaughtUp(seq) | FellBehind(seq) | End(seq) if seq > self.last:
                self.gaps += 1
                said = f"Events up to #{seq} should have come; the last was #{self.last}."
                return [], Lost("gap", said)
        return [], None

    def late(self) -> Lost:
        """Return what it means that the deadline is over."""
        if not self.greeted:
            return Lost("no_first_frame", f"Nothing came within {self.first_frame_s:g} s.")
        said = f"Nothing came for {self._silence_s:g} s."
        return Lost("held" if self._silence_s < self._patience_s else "silent", said)

    def judged(self, closed: Closed) -> Closed:
        """Return what the end of the connection means, given what came before."""
        if isinstance(closed, Rotated) and not self.greeted:
            return Lost("no_first_frame", "The answer ended before its first frame.")
        if not isinstance(closed, Lost) or closed.from_server:
            self.reached = True
        return closed

    @property
    def _silence_s(self) -> float:
        """How long it may be silent now."""
        if self.caught_up or not self.flowing:
            return self._patience_s
        return min(self._patience_s, self.first_frame_s)

    def _greet(self, frame: Hello, now: float) -> Closed | None:
        if frame.protocol != PROTOCOL:
            said = f"The server speaks protocol {frame.protocol}, this follower {PROTOCOL}."
            return Refusal("unsupported_protocol", said)
        self.greeted = self.reached = True
        self._patience_s = PATIENCE * (frame.heartbeat_s or HEARTBEAT_S)
        self.alive(now)
        return None

    def _events(self, events: tuple[Event, ...]) -> tuple[list[Event], Closed | None]:
        fresh: list[Event] = []
        gap: Lost | None = None
        for event in events:
            if event.seq <= self.last:
                self.duplicates += 1
            elif event.seq == self.last + 1:
                self.last = event.seq
                fresh.append(event)
            else:
                self.gaps += 1
                gap = Lost("gap", f"After #{self.last} came #{event.seq}.")
                break
        self.brought += len(fresh)
        return fresh, gap
