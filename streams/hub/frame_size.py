"""How large a follower's next frame may be: small at first, then as its connection takes them."""

from __future__ import annotations

# A frame that is taken sooner than this may be followed by one twice as large, one that takes
# longer than that by one half as large.
QUICK_SECONDS, SLOW_SECONDS = 0.25, 1.0


class FrameSize:
    """Begins with `least`, and lets no frame have more than twice what the largest before it had.

    A browser sees nothing of a WebSocket's message before it is there as a whole. So how long the
    frames so far have taken to come says how long the next may take. `room` is `least` times a
    power of two, `most` at most, in any unit.
    """

    __slots__ = ("_least", "_most", "room")

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self.room = self._least

    def took(self, size: int, seconds: float) -> None:
        """Note that the connection took a frame of this size, and how long it had to be waited."""
        fits = self._least
        while fits < size and fits < self._most:
            fits *= 2
        if seconds > SLOW_SECONDS:
            self.room = max(fits // 2, self._least)
        elif seconds < QUICK_SECONDS and 3 * size > self.room:
            # One that leaves most of its room free says nothing of larger ones.
            self.room = min(max(self.room, 2 * fits), self._most)
