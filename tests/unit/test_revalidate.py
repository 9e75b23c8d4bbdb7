"""When it is asked whether followers may still follow, and what follows from it; virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.contrib.auth.models import User

from core.config import Config
from core.errors import Forbidden, NotSignedIn, RepriseError, Unavailable
from jobs.access.revalidate import Asked
from jobs.access.visibility import Principal
from streams.counters import Counters
from streams.followers.registry import HELD, Follower, Followers
from streams.followers.revalidate import Revalidation
from tests.unit.hub_world import run

NO_LIMITS = Config(
    max_followers=0, max_followers_per_user=0, max_followers_per_job=0, new_followers_per_second=0
)


class Desk:
    """Followers, and somebody who answers when asked about them."""

    def __init__(self) -> None:
        self.followers = Followers(Counters())
        self.recheck = Revalidation(self.followers, self._ask, Counters(), seconds=60)
        self.refused: dict[int, RepriseError] = {}
        self.away = False
        self.asked: list[tuple[float, list[int]]] = []
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    def come(self, user: int, seen: int | None = None) -> Follower:
        one = Follower("sse", Principal(User(pk=user), f"user:{user}"), None)
        known = self.followers.check_capacity(NO_LIMITS) if seen is None else seen
        self.followers.register({HELD: []}, one, NO_LIMITS, known)
        return one

    async def _ask(self, asked: Asked) -> list[RepriseError | None]:
        users = [principal.user.pk for principal, _ in asked]
        self.asked.append((round(self._clock() - self._began, 2), sorted(users)))
        if self.away:
            raise Unavailable
        return [self.refused.get(user) for user in users]


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    task = asyncio.create_task(made.recheck.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_everybody_is_asked_about_together_at_least_once_a_minute() -> None:
    async def story() -> None:
        async with desk() as made:
            stays, goes = made.come(1), made.come(2)
            await asyncio.sleep(100)
            made.refused[2] = Forbidden()
            await asyncio.sleep(500)
            times = [at for at, users in made.asked if set(users) >= {1}]
            assert all(b - a <= 60.5 for a, b in zip([0, *times], times, strict=False))
            assert len(times) < 20
            assert made.asked[0][1] == [1, 2]
            assert isinstance(goes.notice.error, Forbidden)
            assert stays.notice.error is None

    run(story())


def test_news_of_a_user_ask_about_that_user_at_once() -> None:
    async def story() -> None:
        async with desk() as made:
            signed_out = [made.come(1), made.come(1)]
            made.come(2)
            await asyncio.sleep(5)
            made.refused[1] = NotSignedIn()
            made.recheck.hear({"users": [1, 77]})
            await asyncio.sleep(0.1)
            assert made.asked == [(5, [1, 1])]
            assert all(isinstance(one.notice.error, NotSignedIn) for one in signed_out)

    run(story())


def test_news_of_nobody_in_particular_ask_about_everybody() -> None:
    async def story() -> None:
        async with desk() as made:
            for user in (1, 2, 3):
                made.come(user)
            await asyncio.sleep(5)
            made.recheck.hear({"users": [1]})
            made.recheck.hear({"users": None})
            made.recheck.hear({"users": [2]})
            await asyncio.sleep(0.1)
            assert made.asked == [(5, [1, 2, 3])]

    run(story())


def test_news_that_come_while_somebody_is_let_in_are_not_lost_to_them() -> None:
    async def story() -> None:
        async with desk() as made:
            await asyncio.sleep(5)
            seen = made.followers.check_capacity(NO_LIMITS)
            made.recheck.hear({"users": [1]})
            await asyncio.sleep(1)
            made.refused[1] = NotSignedIn()
            late = made.come(1, seen)
            await asyncio.sleep(1)
            assert isinstance(late.notice.error, NotSignedIn)

    run(story())


def test_while_the_database_is_away_everybody_stays_and_is_asked_about_again() -> None:
    async def story() -> None:
        async with desk() as made:
            one = made.come(1)
            await asyncio.sleep(5)
            made.away, made.refused[1] = True, NotSignedIn()
            made.recheck.hear({"users": [1]})
            await asyncio.sleep(12)
            assert one.notice.error is None
            assert [at for at, _ in made.asked][:2] == [5, 10]
            made.away = False
            await asyncio.sleep(6)
            assert isinstance(one.notice.error, NotSignedIn)

    run(story())
