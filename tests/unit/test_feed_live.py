"""The feed on virtual time: what comes when, what it costs, what is refused."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import CursorAhead, HistoryDiverged, Unavailable
from jobs.access.visible_set import Visibility
from streams import wire
from streams.feed.recent import FeedBounds, Recent
from streams.feed.subscription import FeedSubscription
from streams.followers.disconnect_notice import Notice
from tests.unit.feed_world import FeedScene, MemoryFeed, Reader
from tests.unit.hub_world import run


def test_a_hint_brings_a_change_at_once_and_the_poll_where_it_is_lost() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            job = scene.memory.submit()
            reader = Reader(scene.feed)
            await reader.has(wire.CaughtUp)
            await asyncio.sleep(0.5)
            moved = scene.clock()
            scene.move(job)
            assert await reader.knows(job) - moved < 0.1  # virtual seconds
            moved = scene.clock()
            scene.move(job, hint=False)
            assert await reader.knows(job) - moved < 1.1

    run(story())


def test_what_moves_while_the_feed_is_being_read_is_not_left_to_the_poll() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            scene.memory.latency = 0.01
            job = scene.memory.submit()
            reader = Reader(scene.feed)
            await reader.has(wire.CaughtUp)
            await asyncio.sleep(0.5)
            for _ in range(20):
                scene.move(job)
                await asyncio.sleep(0.003)
            moved = scene.clock()
            assert await reader.knows(job) - moved < 0.1

    run(story())


def test_of_a_job_that_moved_often_only_the_newest_comes() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            jobs = [scene.memory.submit() for _ in range(3)]
            for _ in range(50):
                for job in jobs:
                    scene.move(job)
            reader = Reader(scene.feed, position=5)
            await reader.has(wire.CaughtUp)
            frames = [item for item in reader.items if isinstance(item, wire.Summaries)]
            assert [len(frame.texts) for frame in frames] == [3]

    run(story())


def test_nobody_is_shown_what_is_not_theirs_and_their_position_moves_all_the_same() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            theirs, others = scene.memory.submit(owner=1), scene.memory.submit(owner=2, team=7)
            reader = Reader(scene.feed, Visibility(user=1))
            await reader.has(wire.CaughtUp)
            for _ in range(5):
                scene.move(others)
                await asyncio.sleep(0.1)
            scene.move(theirs)
            await reader.knows(theirs)
            assert reader.heads == {str(theirs.id): 1}
            scene.move(others)
            await asyncio.sleep(20)
            assert isinstance(beat := reader.items[-1], wire.Heartbeat)
            assert beat.head == len(scene.memory.rows)

    run(story())


def test_many_followers_share_reads_and_encodings() -> None:
    async def story() -> None:
        async with FeedScene(page_positions=10) as scene:
            jobs = [scene.memory.submit() for _ in range(200)]
            for job in jobs:
                scene.memory.move(job)
            readers = [Reader(scene.feed, position=place) for place in range(100)]
            for reader in readers:
                await reader.has(wire.CaughtUp)
            assert scene.counters.get("feed_reads") <= 2 * len(scene.memory.rows) / 10
            scene.move(jobs[0])
            for reader in readers:
                await reader.knows(jobs[0])
            newest = {id(reader.items[-1]) for reader in readers}
            assert len(newest) == 1

    run(story())


def test_idle_followers_cost_one_read_a_second_and_none_cost_nothing() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            readers = [Reader(scene.feed) for _ in range(50)]
            for reader in readers:
                await reader.has(wire.CaughtUp)
            before = scene.memory.reads
            await asyncio.sleep(100)
            assert scene.memory.reads - before <= 101
            for reader in readers:
                reader.task.cancel()
            await asyncio.sleep(5)
            before = scene.memory.reads
            scene.hint(1000)
            await asyncio.sleep(100)
            assert scene.memory.reads == before

    run(story())


def test_who_comes_after_a_long_time_without_anybody_reads_near_the_end() -> None:
    async def story() -> None:
        async with FeedScene(page_positions=100) as scene:
            job = scene.memory.submit()
            scene.memory.move(job, 5000)
            before = scene.memory.reads
            reader = Reader(scene.feed, position=4950)
            await reader.has(wire.CaughtUp)
            assert scene.memory.reads - before <= 3
            assert reader.heads == {str(job.id): 5000}

    run(story())


def test_a_slower_follower_than_memory_lasts_is_told_and_served_from_pages() -> None:
    async def story() -> None:
        async with FeedScene(recent_jobs=3) as scene:
            jobs = [scene.memory.submit() for _ in range(20)]
            subscription = FeedSubscription(scene.feed, Visibility(everything=True), 0, 0)
            items = subscription.items()
            kinds = [type(await anext(items)) for _ in range(2)]
            for job in jobs:
                scene.move(job)
            await asyncio.sleep(1)
            kinds += [type(await anext(items)) for _ in range(3)]
            await items.aclose()
            assert kinds == [
                wire.Hello, wire.CaughtUp, wire.FellBehind, wire.Summaries, wire.CaughtUp
            ]  # fmt: skip

    run(story())


def test_while_the_database_is_away_followers_stay_and_get_the_rest_after() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            job = scene.memory.submit()
            reader = Reader(scene.feed)
            await reader.has(wire.CaughtUp)
            scene.memory.away = True
            scene.move(job)
            with pytest.raises(Unavailable):
                await scene.feed.check(0)
            await asyncio.sleep(60)
            assert "Heartbeat" in reader.kinds()
            scene.memory.away = False
            await reader.knows(job)

    run(story())


def test_a_position_beyond_the_end_is_refused() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            scene.move(scene.memory.submit(), 3)
            with pytest.raises(CursorAhead) as refused:
                await scene.feed.check(4)
            assert refused.value.extra == {"head": 3}
            assert await scene.feed.check(3) == 3

    run(story())


def test_a_notice_ends_it_whatever_it_waits_for() -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            notice = Notice()
            items = FeedSubscription(
                scene.feed, Visibility(everything=True), 0, 0, notice=notice
            ).items()
            await anext(items)
            await anext(items)
            began = scene.clock()
            asyncio.get_running_loop().call_later(1, notice.give, HistoryDiverged())
            with pytest.raises(HistoryDiverged):
                await anext(items)
            assert scene.clock() - began < 1.1

    run(story())


@pytest.mark.parametrize("message", [{}, {"position": None}, {"position": "x"}])
def test_a_hint_that_is_none_is_said_to_be_none(message: dict[str, object]) -> None:
    async def story() -> None:
        async with FeedScene() as scene:
            with pytest.raises((KeyError, TypeError, ValueError)):
                scene.feed.hear(message)

    run(story())


def test_a_frame_has_so_many_jobs_at_most() -> None:
    async def story() -> None:
        memory = MemoryFeed()
        for _ in range(501):
            memory.move(memory.submit())
        recent = Recent(0, FeedBounds(frame_jobs=500))
        recent.extend(await memory.page(0, 10_000, {}))
        everything = Visibility(everything=True)
        first = recent.batch(everything, 0, 500)
        assert (first.last, len(first.texts)) == (500, 500)
        assert len(recent.batch(everything, first.last, 500).texts) == 1
        with pytest.raises(ValueError, match="ends at"):
            recent.extend(await memory.page(0, 10, {}))

    run(story())
