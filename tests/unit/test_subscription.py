"""One follower on virtual time: heartbeats, falling behind, ends, rotation, access."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import accumulate, pairwise

import pytest

from core.errors import Forbidden, GoingDown
from jobs.log import Head
from streams import wire
from streams.followers.disconnect_notice import Notice
from streams.hub.batches import Bounds
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


@pytest.mark.parametrize(("asked", "got"), [(2.0, 2.0), (None, 5.0)])
def test_heartbeats_come_as_often_as_was_asked_for(asked: float | None, got: float) -> None:
    async def story() -> None:
        async with Scene(heartbeat_seconds=5.0) as scene:
            subscription = await scene.subscription(heartbeat_s=asked)
            beats: list[float] = []
            async with aclosing(subscription.items()) as items:
                async for item in items:
                    if isinstance(item, wire.Hello):
                        assert item.heartbeat_s == got
                    beats += [scene.clock()] if isinstance(item, wire.Heartbeat) else []
                    if len(beats) == 10:
                        break
            gaps = [b - a for a, b in pairwise(beats)]
            assert got / 2 < min(gaps) <= max(gaps) <= got

    run(story())


async def sizes_of_frames(scene: Scene, seconds_a_kib: float) -> list[int]:
    """Return the sizes of a history's frames, for a connection that takes so long for them."""
    subscription, sizes = await scene.subscription(), list[int]()
    async with aclosing(subscription.items()) as items:
        async for item in items:
            if isinstance(item, wire.CaughtUp):
                return sizes
            if isinstance(item, wire.Events):
                sizes.append(item.size)
                await asyncio.sleep(item.size / 1024 * seconds_a_kib)
    raise AssertionError("it has not caught up")


def assert_growing(sizes: list[int]) -> None:
    """No frame has more than about twice what the largest before it had."""
    for most, size in zip(accumulate(sizes, max), sizes[1:], strict=False):
        assert size <= 2.1 * most


def test_the_first_frame_is_small_and_those_after_it_grow_with_what_the_connection_takes() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(4000)
            quick = await sizes_of_frames(scene, 0.0)
            assert quick[0] <= 8 * 1024
            assert max(quick) > 100 * 1024
            assert_growing(quick)
            slow = await sizes_of_frames(scene, 1 / 8)  # 64 kbit/s
            assert max(slow) <= 17 * 1024
            assert sum(slow) == pytest.approx(sum(quick), rel=0.01)

    run(story())


def test_what_is_live_comes_in_small_frames_at_first_too() -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            scene.append(1500)
            await follower.has(wire.Events, 1500)
            sizes = [item.size for item in follower.items if isinstance(item, wire.Events)]
            assert sizes[0] <= 8 * 1024
            assert_growing(sizes)

    run(story())


def test_a_follower_slower_than_the_job_is_told_and_served_from_the_log() -> None:
    async def story() -> None:
        async with Scene(bounds=Bounds(ring_events=20, block_bytes=16 * 1024)) as scene:
            subscription = await scene.subscription()
            async with aclosing(subscription.items()) as items:
                kinds, seq = [], 0
                async for item in items:
                    kinds.append(type(item))
                    if isinstance(item, wire.Events):
                        seq = item.last
                    if isinstance(item, wire.CaughtUp) and seq == 0:
                        for _ in range(10):
                            scene.append(5)
                            await asyncio.sleep(0.01)
                    if seq >= 50 and isinstance(item, wire.CaughtUp):
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
            assert end == wire.End(3, "failed", wire.hash_prefix(last))

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
            live = scene.hub.snapshot(scene.job, Head(1, "0" * 64, "running"))
            live.extend(1, [f"event {seq}" for seq in range(2, 12)])
            assert live.head < live.ring.after < live.ring.last == 11
            subscription._seq, subscription._caught_up = 1, True
            fell = subscription._next_milestone(live)
            assert fell == wire.FellBehind(1, 11)
            subscription._mark_sent(fell)
            assert subscription._next_milestone(live) is None

    run(story())
