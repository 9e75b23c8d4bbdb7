"""Whether the followers of this process may still follow: asked for all of them together.

Within a minute of the last time, and at once for those of a user of whom the channel layer brings
news (`jobs.access.hints`): signed out, a token revoked, out of a team. News may be lost; the minute
makes up for that.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from core.errors import RepriseError, RetryLater
from jobs.access.revalidate import Asked
from streams.counters import Counters
from streams.followers.registry import Follower, Followers

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
# News that come one after the other are asked about together.
REST_SECONDS = 0.2

Ask = Callable[[Asked], Awaitable[Sequence[RepriseError | None]]]


class Revalidation:
    """Gives notice to followers who may not follow any longer.

    `ask` returns for each one that is asked about why not, or None. Where it raises RetryLater,
    since the database is away, everybody stays, and is asked about again after 5 s.
    """

    def __init__(
        self, followers: Followers, ask: Ask, counters: Counters, *, seconds: float
    ) -> None:
        self._followers = followers
        self._ask = ask
        self._counters = counters
        self._seconds = seconds
        self._due = 0.0

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in news: `users` are ids, or None if anybody may be meant."""
        users = message["users"]
        self._followers.mark_stale(None if users is None else {int(user) for user in users})

    async def run(self) -> None:
        """Ask again and again."""
        time = asyncio.get_running_loop().time
        self._put_off()
        while True:
            doubted = await self._followers.wait_for_stale(self._due - time())
            if time() >= self._due:
                self._put_off()
                doubted = self._followers.all()
            await self._look_at(doubted)
            await asyncio.sleep(REST_SECONDS)

    async def _look_at(self, followers: list[Follower]) -> None:
        if not followers:
            return
        self._counters.add("access_checks")
        asked = [(one.principal, one.job) for one in followers]
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                refusals = await self._ask(asked)
        except (RetryLater, TimeoutError):
            self._counters.add("read_failures", "access")
            self._due = min(self._due, asyncio.get_running_loop().time() + AGAIN_SECONDS)
            return
        for one, error in zip(followers, refusals, strict=True):
            if error is not None:
                self._counters.add("sent_off", error.code)
                one.notice.give(error)

    def _put_off(self) -> None:
        jitter = random.uniform(0.8, 1)  # noqa: S311 - not for secrets
        self._due = asyncio.get_running_loop().time() + self._seconds * jitter
