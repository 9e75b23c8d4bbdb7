"""How long a connection may be silent, and what has come over it is proof of."""

from __future__ import annotations

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


class Silence:
    """Judges one connection by when something came over it. Times are seconds of one clock.

    Bytes are seen as they come, however slowly. Until a follower has caught up, its server never
    pauses for longer than a heartbeat, and `first_frame_s` is long enough at any time.
    """

    def __init__(self, opened_at: float, first_frame_s: float) -> None:
        self._first_frame_s = first_frame_s
        self._seen_at = self._frame_at = opened_at
        self._bytes = 0  # since the last whole frame
        self._heartbeat_s: float | None = None
        self._caught_up_at: float | None = None
        #: Whether something has come by itself after everything had: nothing is held back.
        self.proved = False

    @property
    def limit_s(self) -> float:
        """How long nothing may come now."""
        if self._heartbeat_s is None:
            return self._first_frame_s
        limit = max(PATIENCE * self._heartbeat_s, LEAST_PATIENCE_S)
        return limit if self._caught_up_at is not None else min(limit, self._first_frame_s)

    @property
    def deadline(self) -> float:
        """When it has been silent for too long."""
        return self._deadline_for(self.limit_s)

    @property
    def quiet_at(self) -> float | None:
        """From when on it cannot be said that all is here; None before it was."""
        if self._caught_up_at is None or self._heartbeat_s is None:
            return None
        return self._deadline_for(QUIET * self._heartbeat_s)

    def attend(self, now: float) -> None:
        """Nobody was looking until now."""
        self._seen_at = self._frame_at = now

    def bytes(self, size: int, now: float) -> None:
        """So many bytes came, perhaps no whole frame."""
        if size:
            self._seen_at = now
            self._bytes += size

    def frame(self, now: float) -> None:
        """A whole frame came."""
        self._seen_at = self._frame_at = now
        self._bytes = 0
        if self._caught_up_at is not None and self._heartbeat_s is not None:
            self.proved |= now >= self._caught_up_at + APART * self._heartbeat_s

    def greeted(self, heartbeat_s: float) -> None:
        """`hello` came; it says how often something will."""
        self._heartbeat_s = heartbeat_s or UNSAID_HEARTBEAT_S

    def caught_up(self, now: float) -> None:
        """Everything has come."""
        if self._caught_up_at is None:
            self._caught_up_at = now

    def fell_behind(self) -> None:
        """There is more to come than the server sends as it happens."""
        self._caught_up_at = None

    def _deadline_for(self, limit_s: float) -> float:
        paid = self._frame_at + limit_s + self._bytes / LEAST_RATE
        return min(self._seen_at + limit_s, paid)
