"""A follower for Python: every event of a job exactly once and in order, through every cut.

    async with Follower("https://host/jobs/0192f3c1-…", token=token) as follower:
        async for event in follower:
            print(event.seq, event.type, event.target, event.data)

Needs httpx, websockets, msgspec and zstandard, and rich for the command (`python -m streams.client
follow URL`); no Django, and of this project only the leaf `terminal`.
docs/reference/follower-python.md has the whole of it.
"""

from streams.client.actions import Given, Reset, Told
from streams.client.backoff import Patience
from streams.client.errors import BadCursor, FollowError, Refused, Unreachable
from streams.client.fallback import TRANSPORTS, UpgradeTimes
from streams.client.follower import Follower, Happening, follow
from streams.client.frames import START, Event, cursor_of, seq_of
from streams.client.info import Info, Resumed, State, Trouble

__all__ = [
    "START", "TRANSPORTS", "BadCursor", "Event", "FollowError", "Follower", "Given", "Happening",
    "Info", "Patience", "Refused", "Reset", "Resumed", "State", "Told", "Trouble", "Unreachable",
    "UpgradeTimes", "cursor_of", "follow", "seq_of",
]  # fmt: skip
