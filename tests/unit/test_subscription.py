"""One follower on virtual time: heartbeats, falling behind, ends, rotation, access."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from core.errors import Forbidden, GoingDown
from jobs.log import Head
from streams import wire
from streams.notice import Notice
from streams.stretch import Bounds
from tests.unit.hub_scene import Scene
from tests.unit.hub_world import run


def test_silence_is_broken_by_heartbeats_with_the_head() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(7)
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(100)
            beats = follower.of(wire.Heartbeat)
            assert len(beats) >= 6
            assert {beat.head for beat in beats if isinstance(beat, wire.Heartbeat)} == {7}
            gaps = [b - a for a, b in zip(follower.times, follower.times[1:], strict=False)]
            assert max(gaps) <= 15

    run(story())


def test_a_follower_slower_than_the_job_is_told_and_served_from_the_log() -> None:
    async def story() -> None:
        async with Scene(bounds=Bounds(ring_events=20)) as scene:
            subscription = await scene.subscription()
            async with aclosing(subscription.items()) as items:
                kinds, seq = [], 0
                async for item in items:
                    kinds.append(type(item))
                    if isinstance(item, wire.Events):
                        seq = item.last
                    if isinstance(item, wire.CaughtUp) and seq == 0:
                        for _ in range(10):
                            scene.append(10)
                            await asyncio.sleep(0.01)
                    if seq >= 100 and isinstance(item, wire.CaughtUp):
                        break
            assert kinds == [wire.Hello, wire.CaughtUp, wire.FellBehind, wire.Events, wire.CaughtUp]

    run(story())


def test_a_follower_at_the_terminal_event_is_told_so_and_no_more() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(3, status="failed")
            follower = scene.follower(3)
            await follower.task
            assert [type(item) for item in follower.items] == [wire.Hello, wire.CaughtUp, wire.End]
            end = follower.items[-1]
            last = scene.log.texts(scene.job)[-1]
            assert end == wire.End(3, "failed", wire.hash8(last))

    run(story())


@pytest.mark.parametrize(("rotate_s", "seconds"), [(0, 0.1), (10, 10.1)])
def test_a_rotated_answer_ends_without_an_end(rotate_s: float, seconds: float) -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(3)
            started = scene.clock()
            subscription = await scene.subscription(rotate_s=rotate_s)
            kinds = [type(item) async for item in subscription.items()]
            assert kinds[:3] == [wire.Hello, wire.Events, wire.CaughtUp]
            assert wire.End not in kinds
            assert scene.clock() - started < seconds

    run(story())


@pytest.mark.parametrize("away", [False, True])
def test_a_notice_ends_whatever_the_follower_waits_for(away: bool) -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(3)
            notice = Notice()
            subscription = await scene.subscription(notice=notice)
            scene.log.away = away  # then it waits for a page, else for news
            items = []

            async def follow() -> None:
                async for item in subscription.items():
                    items.append(item)

            following = asyncio.create_task(follow())
            await asyncio.sleep(5)
            given = scene.clock()
            notice.give(GoingDown())
            notice.give(Forbidden())
            with pytest.raises(GoingDown):
                await following
            assert scene.clock() - given <= (2.01 if away else 0.01)
            assert [type(item) for item in items] == (
                [wire.Hello] if away else [wire.Hello, wire.Events, wire.CaughtUp]
            )

    run(story())


def test_a_ring_that_ran_ahead_of_the_news_is_a_goal_to_reach() -> None:
    async def story() -> None:
        async with Scene(bounds=Bounds(ring_events=2)) as scene:
            subscription = await scene.subscription()
            live = scene.hub.glance(scene.job, Head(1, "0" * 64, "running"))
            live.extend(1, [f"event {seq}" for seq in range(2, 12)])
            assert live.head < live.ring.after < live.ring.last == 11
            subscription._seq, subscription._caught_up = 1, True
            fell = subscription._milestone(live)
            assert fell == wire.FellBehind(1, 11)
            subscription._sent(fell)
            assert subscription._milestone(live) is None

    run(story())
