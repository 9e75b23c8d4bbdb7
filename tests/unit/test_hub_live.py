"""The hub on virtual time: what comes by hints, what the poll heals, what is shared."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Unavailable
from jobs.log import Cursor, group_name
from streams import wire
from streams.hub.batches import BOUNDS, Bounds
from tests.unit.hub_scene import Scene
from tests.unit.hub_world import run


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0, 0.001, 0.003, 0.6, 3])),
                min_size=1, max_size=12), st.integers(0, 20))  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_in_a_healthy_world_hints_bring_everything_and_the_poll_heals_nothing(
    appends: list[tuple[int, float]], already: int
) -> None:
    async def story() -> None:
        async with Scene() as scene:
            if already:
                scene.append(already)
            followers = [scene.follower()]
            for count, pause in appends:
                appended = scene.clock()
                scene.append(count)
                followers.append(scene.follower())
                head = len(scene.log.texts(scene.job))
                for follower in followers:
                    await follower.has(wire.Events, head)
                    assert follower.times[-1] - appended < 0.1  # virtual seconds
                await asyncio.sleep(pause)
            scene.append(status="succeeded")
            await asyncio.gather(*(follower.task for follower in followers))
            assert scene.counters.get("poll_heals") == 0

    run(story())


@pytest.mark.parametrize("hint_of_the_end", ["late", "lost"])
def test_an_end_that_a_page_brought_before_its_hint_is_an_end(hint_of_the_end: str) -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(5)
            scene.append(hint=False)
            scene.append()  # its hint shows the gap, and the page that fills it has the end too
            hint = scene.log.append(scene.job, status="succeeded")
            await follower.has(wire.Events, 3)
            if hint_of_the_end == "late":
                scene.layer.hint(scene.job, hint)
            await asyncio.sleep(1.5)
            assert follower.of(wire.End)

    run(story())


@pytest.mark.parametrize("delay", [step / 4000 for step in range(20)])
def test_what_is_appended_while_the_group_is_joined_is_not_left_to_the_poll(delay: float) -> None:
    async def story() -> None:
        async with Scene() as scene:
            await asyncio.sleep(1)
            scene.layer.latency = 0.003  # slower than the log, so that the order matters
            follower = scene.follower()
            await asyncio.sleep(delay)
            appended = scene.clock()
            scene.append()
            await follower.has(wire.Events, 1)
            assert follower.times[-1] - appended < 0.1

    run(story())


def test_what_a_lost_hint_said_comes_by_the_poll_and_is_counted() -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(5)
            lost = scene.clock()
            scene.append(hint=False)
            await follower.has(wire.Events)
            assert follower.times[-1] - lost < 1.5
            assert scene.counters.get("poll_heals") == 1

    run(story())


def test_a_head_that_is_only_on_its_way_as_a_hint_heals_nothing() -> None:
    async def story() -> None:
        async with Scene(poll_seconds=0.01) as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(5)
            for _ in range(20):
                hint = scene.log.append(scene.job)
                await asyncio.sleep(0.1)  # the poll sees it ten times before the hint is there
                scene.layer.hint(scene.job, hint)
            await follower.has(wire.Events, 20)
            await asyncio.sleep(5)
            assert scene.counters.get("poll_heals") == 0
            assert scene.counters.get("heals") == 0

    run(story())


@pytest.mark.parametrize("trouble", ["gone", "frozen"])
def test_without_the_layer_the_poll_carries_on_and_hints_come_again_after(trouble: str) -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(5)
            setattr(scene.layer, trouble, True)
            for seq in range(1, 11):
                appended = scene.clock()
                scene.append()
                await follower.has(wire.Events, seq)
                assert follower.times[-1] - appended < 2
                await asyncio.sleep(1)
            setattr(scene.layer, trouble, False)
            await asyncio.sleep(10)
            healed = scene.counters.get("poll_heals")
            appended = scene.clock()
            scene.append()
            await follower.has(wire.Events, 11)
            assert follower.times[-1] - appended < 0.1
            assert scene.counters.get("poll_heals") == healed == 10

    run(story())


def test_a_new_follower_waits_for_no_frozen_layer() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.layer.frozen = True
            scene.append(5)
            asked = scene.clock()
            follower = scene.follower()
            await follower.has(wire.CaughtUp, 5)
            assert follower.times[-1] - asked < 0.1

    run(story())


def test_while_the_log_is_away_followers_stay_and_get_the_rest_after() -> None:
    async def story() -> None:
        async with Scene(bounds=Bounds(page_events=10)) as scene:
            scene.append(100)
            follower = scene.follower()
            await follower.has(wire.Events, 30)
            scene.log.away = True
            await asyncio.sleep(30)
            assert follower.of(wire.Heartbeat)
            assert not follower.task.done()
            scene.log.away = False
            await follower.has(wire.CaughtUp, 100)
            assert scene.counters.get("read_failures", "page") > 0

    run(story())


def test_without_the_log_a_follower_is_told_to_come_again() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.log.away = True
            with pytest.raises(Unavailable):
                await scene.hub.check(scene.job, Cursor(0))

    run(story())


def test_followers_who_come_back_at_once_share_their_pages() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(5000)
            followers = [scene.follower(after) for after in range(0, 5000, 25)]
            for follower in followers:
                await follower.has(wire.CaughtUp, 5000)
            assert scene.counters.get("page_reads") <= 6

    run(story())


def test_large_events_come_in_short_pages_each_read_once() -> None:
    async def story() -> None:
        # Nothing is kept, and each page is a frame.
        async with Scene(bounds=Bounds(pages_bytes=0, block_bytes=50_000)) as scene:
            scene.log.page_bytes = 25_000
            scene.append(1500)
            size = sum(len(text.encode()) for text in scene.log.texts(scene.job))
            follower = scene.follower()
            await follower.has(wire.CaughtUp, 1500)
            # The last page of each thousand may be short.
            assert scene.counters.get("page_reads") <= size // 25_000 + 2
            late = scene.follower(700)
            await late.has(wire.CaughtUp, 1500)

    run(story())


def test_a_storm_over_many_jobs_shares_its_pages() -> None:
    async def story() -> None:
        # The storm of `ops/bench streams`, with bounds and histories a tenth as large.
        small = BOUNDS.pages_bytes // 10
        async with Scene(bounds=Bounds(page_events=100, pages_bytes=small)) as scene:
            jobs = [scene.log.submit() for _ in range(20)]
            for job in jobs:
                scene.log.append(job, 500)
            chance = random.Random(1)
            followers, alone = [], 0
            for number in range(1000):
                scene.job = jobs[number % len(jobs)]
                behind = chance.randrange(501)
                alone += -(-behind // 100)
                followers.append(scene.follower(500 - behind))
                await asyncio.sleep(0.001)
            for follower in followers:
                await follower.has(wire.CaughtUp, 500)
            assert scene.counters.get("page_reads") <= alone / 10

    run(story())


def test_pages_that_nobody_wants_are_let_go() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(3000)
            for pause, reads in ((0, 3), (50, 3), (50, 3), (70, 6)):
                await asyncio.sleep(pause)
                follower = scene.follower(500)
                await follower.has(wire.CaughtUp, 3000)
                assert scene.counters.get("page_reads") == reads

    run(story())


def test_a_busy_job_is_sent_in_fewer_frames_and_hardly_later() -> None:
    async def story() -> None:
        async with Scene() as scene:
            followers = [scene.follower() for _ in range(200)]
            for follower in followers:
                await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)  # the group is joined in the background
            sent: list[float] = []
            for _ in range(100):
                sent.append(scene.clock())
                scene.append()
                await asyncio.sleep(0.002)
            for follower in followers:
                await follower.has(wire.Events, 100)
            frames = [
                (item, at)
                for item, at in zip(followers[0].items, followers[0].times, strict=True)
                if isinstance(item, wire.Events)
            ]
            assert len(frames[0][0].texts) == 1
            assert frames[0][1] - sent[0] < 0.001
            assert len(frames) <= 100 / 4
            assert max(at - sent[item.after] for item, at in frames) < 0.021

    run(story())


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_job_with_few_followers_or_few_events_is_sent_at_once(pause: float) -> None:
    async def story() -> None:
        async with Scene() as scene:
            followers = [scene.follower() for _ in range(200 if pause else 5)]
            for follower in followers:
                await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)
            for seq in range(1, 20):
                sent = scene.clock()
                scene.append()
                for follower in followers:
                    await follower.has(wire.Events, seq)
                assert scene.clock() - sent < 0.001
                await asyncio.sleep(pause)

    run(story())


def test_followers_at_one_place_share_one_encoding() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(25)
            followers = [scene.follower() for _ in range(20)]
            for follower in followers:
                await follower.has(wire.CaughtUp, 25)
            scene.append(3)
            for follower in followers:
                await follower.has(wire.Events, 28)
            batches = {id(item) for follower in followers for item in follower.of(wire.Events)}
            assert len(batches) == 2

    run(story())


def test_idle_followers_cost_one_query_a_second() -> None:
    async def story() -> None:
        async with Scene() as scene:
            followers = [scene.follower() for _ in range(50)]
            for follower in followers:
                await follower.has(wire.CaughtUp)
            before = scene.log.reads
            await asyncio.sleep(100)
            assert scene.log.reads - before <= 101

    run(story())


def test_a_job_that_nobody_follows_is_left_after_a_while() -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)
            assert scene.layer.groups[group_name(scene.job)]
            follower.task.cancel()
            await asyncio.sleep(5)
            assert scene.layer.groups[group_name(scene.job)]
            await asyncio.sleep(10)
            assert not scene.layer.groups[group_name(scene.job)]
            assert scene.counters.get("jobs") == 0

    run(story())
