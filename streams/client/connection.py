"""One connection, without its input and output: what may come over it, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass

from streams.client.close_reasons import Closed, Lost, Refusal, Rotated
from streams.client.frames import CaughtUp, End, Event, Events, FellBehind, Frame, Hello

#: The protocol's version that this follower speaks.
PROTOCOL = 1
# A connection that brought something for so long did what it could, even if it is cut then.
LONG_S = 20.0
#: How often the server is asked to say something once a follower has caught up, in seconds.
HEARTBEAT_S = 2.0
# What a `hello` without a usable `heartbeat_s` is taken to say.
UNSAID_HEARTBEAT_S = 15.0
# After so many heartbeats that did not come, nobody can say any more that all is here.
QUIET = 2.0
# After so many a connection is given up; a busy server or a moment without reception is no reason.
PATIENCE, LEAST_PATIENCE_S = 2.5, 8.0
# A part of the heartbeat: what comes so long after everything had come was not held back with it.
APART = 0.8
# What drips slower than this, in bytes a second, is a proxy's sign of life and not the server's.
LEAST_RATE = 512.0


@dataclass(slots=True)
class Connection:
    """Waits for a first frame (an open socket alone proves nothing), watches for silence, and lets
    through events in unbroken order only. Times are seconds of one clock.

    `last` is the seq that it has come to. `finite`: its answers end by themselves, so that nothing
    on the way can hold back what they say. Bytes are seen as they come, however slowly. Until a
    follower has caught up, its server never pauses for longer than a heartbeat, and `first_frame_s`
    is long enough at any time.
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
    _seen_at: float = 0.0
    _frame_at: float = 0.0
    _bytes: int = 0  # since the last whole frame
    _heartbeat_s: float = UNSAID_HEARTBEAT_S
    _caught_up_at: float = 0.0
    _apart: bool = False  # something has come by itself after everything had

    def __post_init__(self) -> None:
        self._seen_at = self._frame_at = self.opened_at

    @property
    def deadline(self) -> float:
        """When its silence is too long."""
        return self._deadline_for(self._limit_s)

    @property
    def quiet_at(self) -> float | None:
        """From when on it cannot be said that all is here; None before it was."""
        return self._deadline_for(QUIET * self._heartbeat_s) if self.caught_up else None

    @property
    def proved(self) -> bool:
        """Whether it has caught up, and nothing on the way holds back what comes after that."""
        return self.caught_up and (self.finite or self._apart)

    def brought_for_long(self, now: float) -> bool:
        """Whether it was a slow one, or one that goes on and on, rather than one that fails."""
        return self.brought > 0 and now - self.opened_at >= LONG_S

    def attend(self, now: float) -> None:
        """Nobody was looking until now: what came meanwhile is still to be seen."""
        if self.greeted:
            self._seen_at = self._frame_at = now

    def alive(self, size: int, now: float) -> None:
        """So many bytes came, perhaps no whole frame."""
        if size:
            self._seen_at = now
            self._bytes += size

    def take(self, frame: Frame, now: float) -> tuple[list[Event], Closed | None]:
        """Return what of a frame is new, and why the connection is over if it is."""
        if isinstance(frame, Hello):
            return [], self._take_hello(frame, now)
        if not self.greeted:
            name = type(frame).__name__
            return [], Lost("bad_frame", f"The first frame was {name}, not Hello.")
        self._note_frame(now)
        match frame:
            case Events(events):
                return self._take_events(events)
            case CaughtUp(seq) | FellBehind(seq) | End(seq) if seq > self.last:
                self.gaps += 1
                said = f"Events up to #{seq} should have come; the last was #{self.last}."
                return [], Lost("gap", said)
            case CaughtUp() if not self.caught_up:
                self.caught_up, self._caught_up_at = True, now
            case FellBehind():
                self.caught_up = False
        return [], None

    def late(self) -> Lost:
        """Return what it means that the deadline is over."""
        if not self.greeted:
            return Lost("no_first_frame", f"Nothing came within {self.first_frame_s:g} s.")
        said = f"Nothing came for {self._limit_s:g} s."
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
        self._note_frame(now)
        self._heartbeat_s = frame.heartbeat_s or UNSAID_HEARTBEAT_S
        self.greeted = True
        return None

    def _note_frame(self, now: float) -> None:
        self._seen_at = self._frame_at = now
        self._bytes = 0
        if self.caught_up:
            self._apart |= now >= self._caught_up_at + APART * self._heartbeat_s

    def _take_events(self, events: tuple[Event, ...]) -> tuple[list[Event], Closed | None]:
        wanted = range(self.last + 1, self.last + 1 + len(events))
        if [event.seq for event in events] == [*wanted]:  # as good as always, in one look
            self.last += len(events)
            self.brought += len(events)
            return list(events), None
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

    @property
    def _limit_s(self) -> float:
        """How long nothing may come now."""
        if not self.greeted:
            return self.first_frame_s
        limit = max(PATIENCE * self._heartbeat_s, LEAST_PATIENCE_S)
        return limit if self.caught_up else min(limit, self.first_frame_s)

    def _deadline_for(self, limit_s: float) -> float:
        paid = self._frame_at + limit_s + self._bytes / LEAST_RATE
        return min(self._seen_at + limit_s, paid)
