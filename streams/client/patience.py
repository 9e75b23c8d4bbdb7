"""How long a follower tries."""

from __future__ import annotations

from dataclasses import dataclass

from streams.client.backoff import CAP_S

FIRST_FRAME_S = 4.0
# The most that a connection may take to its first frame, however slow the line.
FIRST_FRAME_MOST_S = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try, in seconds: for a first frame; for the first connection; in an outage.

    `wait_s` is the most that a wait before a try may be, where the server does not ask for more.
    """

    first_frame_s: float = FIRST_FRAME_S
    reach_s: float | None = None
    give_up_s: float | None = None
    wait_s: float = CAP_S

    def first_frame_after(self, rounds: int) -> float:
        """Return how long a first frame may take after so many rounds of all transports."""
        patience = self.first_frame_s * 2.0 ** min(rounds, 10)
        return min(max(FIRST_FRAME_MOST_S, self.first_frame_s), patience)
