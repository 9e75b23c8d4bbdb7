"""Which transport to use: the best over which everything comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WEBSOCKET, SSE, OCTETS, LONG_POLL = "WebSocket", "SSE", "octet stream", "long poll"
#: The transports by the names that people read, best first.
TRANSPORTS = (WEBSOCKET, SSE, OCTETS, LONG_POLL)

# Connections in a row that end before everything has come, after which a rung is left; silence
# counts as two.
MISSES = 2
# The same for a rung that has brought something: the server is likelier to be away than the way.
MISSES_OF_KNOWN = 4
# Connections in a row that bring everything and then nothing; of a rung that once did better.
HELD, HELD_OF_PROVED = 1, 2


@dataclass(frozen=True, slots=True)
class UpgradeTimes:
    """How long to stay on a lower rung before the better ones are tried again, in seconds.

    `known`: a better rung has worked before, so that it was an outage rather than a wall;
    `unknown`: none has; `most`: what the wait doubles up to. A stream that gives finite answers
    is tried as a whole one as if it were a lower rung.
    """

    known: float = 10.0
    unknown: float = 60.0
    most: float = 600.0


class Fallback:
    """The rungs, best first. Below the last comes the first again: a server away fails them all."""

    def __init__(self, rungs: Sequence[str], times: UpgradeTimes | None = None) -> None:
        if not rungs or set(rungs) - set(TRANSPORTS):
            raise ValueError(f"Unknown transport. Choose from: {', '.join(TRANSPORTS)}.")
        self._rungs = tuple(dict.fromkeys(rungs))
        self._times = times or UpgradeTimes()
        self._at = self._misses = self._held = self._refused = 0
        #: How many times every rung has failed in a row: a slow line deserves more patience.
        self.rounds = 0
        # Those that have brought something, and those over which what came after that passed too.
        self._worked: set[str] = set()
        self._proved: set[str] = set()
        # Those that let the time pass, and those of them that are asked for finite answers.
        self._silent: set[str] = set()
        self._finite: set[str] = set()
        # Those over which everything has come without that.
        self._whole: set[str] = set()

    @property
    def current(self) -> str:
        """The rung to use now."""
        return self._rungs[self._at]

    @property
    def better(self) -> Sequence[str]:
        """What to try beside the current rung, best first: those above it, and the rung itself as
        a whole stream where it gives finite answers, for what held it may be gone."""
        return self._rungs[: self._at + (self.current in self._finite)]

    @property
    def upgrade_after(self) -> float:
        """In how many seconds to try a better rung."""
        known = any(
            rung in (self._whole if rung == self.current else self._worked) for rung in self.better
        )
        first = self._times.known if known else self._times.unknown
        return min(self._times.most, first * 2.0 ** min(self._refused, 20))

    def finite(self, rung: str) -> bool:
        """Whether to ask a stream for finite answers: it was held, and no other rung did better."""
        if self.rounds and rung in self._silent:
            self._finite.add(rung)
        return rung in self._finite

    def missed(self, *, silent: bool) -> bool:
        """Note that a connection of the current rung ended before everything had come, by no word
        of the server's; return whether another rung is current now.

        `silent`: it let the time pass, or cannot carry what it should, rather than failed.
        """
        if silent:
            self._silent.add(self.current)
        self._misses += 2 if silent else 1
        if self._misses < (MISSES_OF_KNOWN if self.current in self._worked else MISSES):
            return False
        return self._leave_rung()

    def held_back(self) -> bool:
        """Note that the current rung brought everything and then nothing, not even a heartbeat;
        return whether another rung is current now."""
        rung = self.current
        self._silent.add(rung)
        self._held += 1
        if self._held < (HELD_OF_PROVED if rung in self._proved else HELD):
            return False
        for known in (self._worked, self._proved, self._whole):
            known.discard(rung)
        return self._leave_rung()

    def worked(self) -> None:
        """Note that the current rung has brought something."""
        self.rounds = 0
        self._worked.add(self.current)

    def caught_up(self, *, whole: bool) -> None:
        """Note that everything has come over the current rung.

        `whole`: over an answer that was not asked to end by itself.
        """
        self._misses = 0
        self.worked()
        if whole:
            self._whole.add(self.current)

    def proved(self, rung: str, *, whole: bool) -> None:
        """Note that nothing is held back on a rung: it is the current one. `whole` as above."""
        at = self._rungs.index(rung)
        if at < self._at or (whole and rung in self._finite):
            self._refused = 0
        self._at, self.rounds = at, 0
        self._misses = self._held = 0
        self._worked.add(rung)
        self._proved.add(rung)
        if whole:
            self._whole.add(rung)
            self._silent.discard(rung)
            self._finite.discard(rung)

    def upgrade_refused(self) -> None:
        """Note that none of the better rungs did better."""
        self._refused += 1

    def _leave_rung(self) -> bool:
        self._misses = self._held = 0
        self._at += 1
        if self._at == len(self._rungs):
            self._at = 0
            self.rounds += 1
        return len(self._rungs) > 1
