"""Who is let in to follow, who leaves when, on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from core.config import Config
from core.errors import GoingDown, OverLimit
from core.ids import uuid7
from jobs.access.visibility import Principal
from streams.counters import Counters
from streams.followers.limits import Bucket
from streams.followers.registry import (
    HELD,
    LONG_POLL,
    Follower,
    Followers,
    Message,
    current_followers,
    release_on_exit,
)
from tests.unit.hub_world import run

NO_LIMITS = Config(
    max_followers=0, max_followers_per_user=0, max_followers_per_job=0, new_followers_per_second=0
)


def follower(user: int = 1, job: UUID | None = None, transport: str = "sse") -> Follower:
    return Follower(transport, Principal(User(pk=user), f"user:{user}"), job)


class Door:
    """Followers, and scopes for those who come."""

    def __init__(self, limits: Config = NO_LIMITS) -> None:
        self.counters = Counters()
        self.followers = Followers(self.counters)
        self.limits = limits

    def come(self, one: Follower) -> Follower:
        seen = self.followers.check_capacity(self.limits)
        self.followers.register({HELD: []}, one, self.limits, seen)
        return one


@pytest.mark.parametrize(
    ("limits", "least", "reason"),
    [
        (NO_LIMITS.with_changes(max_followers=3), 3, "process"),
        (NO_LIMITS.with_changes(max_followers_per_user=2), 2, "user"),
        (NO_LIMITS.with_changes(max_followers_per_job=2), 2, "job"),
    ],
)
def test_who_is_one_too_many_is_refused_until_another_leaves(
    limits: Config, least: int, reason: str
) -> None:
    async def story() -> None:
        door, job = Door(limits), uuid7()
        inside = [door.come(follower(job=job)) for _ in range(least)]
        with pytest.raises(OverLimit) as refused:
            door.come(follower(job=job))
        assert refused.value.retry_after_s
        assert door.counters.get("refused", reason) == 1
        if reason == "user":
            door.come(follower(user=2, job=job))
        if reason == "job":
            door.come(follower(job=uuid7()))
            door.come(follower(job=None))
        door.followers.leave(inside[0])
        door.followers.leave(inside[0])  # leaving twice makes no room for two
        door.come(follower(job=job))
        with pytest.raises(OverLimit):
            door.come(follower(job=job))

    run(story())


def test_a_rush_is_spread_over_the_seconds() -> None:
    bucket = Bucket()
    taken = [bucket.take(1000.0, rate=10) for _ in range(50)]
    assert sum(taken) == 20  # two seconds' worth
    assert taken[:20] == [True] * 20
    assert sum(bucket.take(1000.5, rate=10) for _ in range(50)) == 5
    assert sum(bucket.take(2000.0, rate=10) for _ in range(50)) == 20


def test_a_slow_rate_lets_one_in_at_a_time() -> None:
    bucket = Bucket()
    assert bucket.take(0.0, rate=0.1)
    assert not bucket.take(5.0, rate=0.1)
    assert bucket.take(10.0, rate=0.1)


def test_whoever_comes_too_fast_is_told_when_to_come() -> None:
    async def story() -> None:
        door = Door(NO_LIMITS.with_changes(new_followers_per_second=5))
        for _ in range(10):
            door.come(follower())
        with pytest.raises(OverLimit) as refused:
            door.come(follower())
        assert refused.value.retry_after_s
        assert door.counters.get("refused", "rate") == 1

    run(story())


@pytest.mark.parametrize("end", ["returns", "raises", "is cancelled"])
def test_a_slot_is_freed_however_the_application_ends(end: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        current_followers().register(
            scope, follower(), NO_LIMITS, current_followers().check_capacity(NO_LIMITS)
        )
        assert len(current_followers()) == 1
        if end == "raises":
            raise ValueError
        if end == "is cancelled":
            await asyncio.Event().wait()

    async def story() -> None:
        task = asyncio.ensure_future(release_on_exit(app)({"type": "http"}, receive, send))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(current_followers()) == 0

    run(story())


def test_nobody_comes_in_while_the_process_goes_down_and_everybody_is_sent_off_in_turn() -> None:
    async def story() -> None:
        door, loop = Door(), asyncio.get_running_loop()
        streams = [door.come(follower(job=uuid7())) for _ in range(100)]
        waiting = door.come(follower(transport=LONG_POLL))
        began = loop.time()
        door.followers.go_down(10)
        assert isinstance(waiting.notice.error, GoingDown)
        with pytest.raises(GoingDown) as refused:
            door.come(follower())
        assert refused.value.retry_after_s is not None
        assert refused.value.retry_after_s > 10
        told: list[int] = []
        while len(told) < 100:
            await asyncio.sleep(1)
            told.append(sum(one.notice.error is not None for one in streams))
            if told[-1] == 100:
                break
        assert loop.time() - began <= 11
        assert told == sorted(told)
        steps = [after - before for before, after in zip([0, *told], told, strict=False)]
        assert all(9 <= step <= 11 for step in steps[:9])

    run(story())


def test_going_down_a_second_time_tells_the_rest_at_once() -> None:
    async def story() -> None:
        door = Door()
        streams = [door.come(follower()) for _ in range(20)]
        door.followers.go_down(1000)
        await asyncio.sleep(1)
        assert not all(one.notice.error for one in streams)
        door.followers.go_down(0)
        await asyncio.sleep(0.1)
        assert all(isinstance(one.notice.error, GoingDown) for one in streams)

    run(story())


def test_an_answer_of_a_process_that_goes_down_ends_its_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async def story() -> None:
        reported: list[Message] = []

        async def keep(message: Message) -> None:
            reported.append(message)

        await release_on_exit(app)({"type": "http"}, receive, keep)
        current_followers().go_down(1)
        await release_on_exit(app)({"type": "http"}, receive, keep)
        assert [one.get("headers") for one in reported] == [
            [],
            None,
            [(b"Connection", b"close")],
            None,
        ]

    run(story())


async def receive() -> Message:
    return {}


async def send(message: Message) -> None:
    pass
