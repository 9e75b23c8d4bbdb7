"""One connection, without its input and output: what may come over it, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.client.close_reasons import Closed, Lost, Refusal, Rotated
from streams.client.frames import CaughtUp, End, Event, Events, FellBehind, Frame, Hello
from streams.client.silence import Silence

#: The protocol's version that this follower speaks.
PROTOCOL = 1
# A connection that brought something for so long did what it could, even if it is cut then.
LONG_S = 20.0


@dataclass(slots=True)
class Connection:
    """Waits for a first frame (an open socket alone proves nothing), watches for silence, and lets
    through events in unbroken order only. Times are seconds of one clock.

    `last` is the seq that it has come to. `finite`: its answers end by themselves, so that nothing
    on the way can hold back what they say.
    """

    number: int
    transport: str
    last: int
    opened_at: float
    first_frame_s: float
    rotate_s: float | None = None
    finite: bool = False
    greeted: bool = False
    caught_up: bool = False
    brought: int = 0
    duplicates: int = 0
    gaps: int = 0
    _silence: Silence = field(init=False)

    def __post_init__(self) -> None:
        self._silence = Silence(self.opened_at, self.first_frame_s)

    @property
    def deadline(self) -> float:
        """When its silence is too long."""
        return self._silence.deadline

    @property
    def quiet_at(self) -> float | None:
        """From when on it cannot be said that all is here; None before it was."""
        return self._silence.quiet_at

    @property
    def proved(self) -> bool:
        """Whether it has caught up, and nothing on the way holds back what comes after that."""
        return self.caught_up and (self.finite or self._silence.proved)

    def brought_for_long(self, now: float) -> bool:
        """Whether it was a slow one, or one that goes on and on, rather than one that fails."""
        return self.brought > 0 and now - self.opened_at >= LONG_S

    def attend(self, now: float) -> None:
        """Nobody was looking until now: what came meanwhile is still to be seen."""
        if self.greeted:
            self._silence.attend(now)

    def alive(self, size: int, now: float) -> None:
        """So many bytes came, perhaps no whole frame."""
        self._silence.bytes(size, now)

    def take(self, frame: Frame, now: float) -> tuple[list[Event], Closed | None]:
        """Return what of a frame is new, and why the connection is over if it is."""
        if isinstance(frame, Hello):
            return [], self._take_hello(frame, now)
        if not self.greeted:
            name = type(frame).__name__
            return [], Lost("bad_frame", f"The first frame was {name}, not Hello.")
        self._silence.frame(now)
        match frame:
            case Events(events):
                return self._take_events(events)
            case CaughtUp(seq) | FellBehind(seq) | End(seq) if seq > self.last:
                self.gaps += 1
                said = f"Events up to #{seq} should have come; the last was #{self.last}."
                return [], Lost("gap", said)
            case CaughtUp():
                self.caught_up = True
                self._silence.caught_up(now)
            case FellBehind():
                self.caught_up = False
                self._silence.fell_behind()
        return [], None

    def late(self) -> Lost:
        """Return what it means that the deadline is over."""
        if not self.greeted:
            return Lost("no_first_frame", f"Nothing came within {self.first_frame_s:g} s.")
        said = f"Nothing came for {self._silence.limit_s:g} s."
        return Lost("silent" if self.proved else "held", said)

    def judged(self, closed: Closed) -> Closed:
        """Return what the end of the connection means, given what came before."""
        if isinstance(closed, Rotated) and not self.greeted:
            return Lost("no_first_frame", "The answer ended before its first frame.")
        return closed

    def _take_hello(self, frame: Hello, now: float) -> Closed | None:
        if frame.protocol != PROTOCOL:
            said = f"The server speaks protocol {frame.protocol}, this follower {PROTOCOL}."
            return Refusal("unsupported_protocol", said)
        self._silence.frame(now)
        self._silence.greeted(frame.heartbeat_s)
        self.greeted = True
        return None

    def _take_events(self, events: tuple[Event, ...]) -> tuple[list[Event], Closed | None]:
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
