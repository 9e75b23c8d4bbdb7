"""The hub on virtual time: what comes by hints, what the poll heals, what is shared."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Forbidden, RepriseError, Unavailable
from jobs.log import Cursor, group
from streams import wire
from streams.counters import Counters
from streams.hub import Hub
from streams.stretch import Bounds
from streams.subscription import Recheck, Subscription
from tests.unit.hub_world import MemoryLayer, MemoryLog, run


class Scene:
    """A hub on a log and a layer in memory; `clock` is virtual."""

    def __init__(self, **options: object) -> None:
        self.log = MemoryLog()
        self.layer = MemoryLayer()
        self.counters = Counters()
        self.job = self.log.submit()
        self.hub = Hub(self.log, lambda: self.layer, counters=self.counters, **options)  # type: ignore[arg-type]  # the tests pass what fits
        self.clock = asyncio.get_running_loop().time

    async def __aenter__(self) -> Scene:
        await self.hub.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.hub.close()

    async def subscription(
        self, after: int = 0, recheck: Recheck | None = None, rotate_s: float | None = None
    ) -> Subscription:
        head = await self.hub.check(self.job, Cursor(after))
        return Subscription(
            self.hub, self.job, Cursor(after), head, recheck=recheck, rotate_s=rotate_s
        )

    def follower(self, after: int = 0) -> Reader:
        return Reader(self, after)

    def append(self, count: int = 1, status: str = "running", *, hint: bool = True) -> None:
        message = self.log.append(self.job, count, status)
        if hint:
            self.layer.hint(self.job, message)


class Reader:
    """A follower in the background: what it got, and when."""

    def __init__(self, scene: Scene, after: int) -> None:
        self.items: list[wire.Item] = []
        self.times: list[float] = []
        self.seq = after
        self._scene = scene
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._run(after))

    async def _run(self, after: int) -> None:
        subscription = await self._scene.subscription(after)
        async with aclosing(subscription.items()) as items:
            async for item in items:
                self.items.append(item)
                self.times.append(self._scene.clock())
                if isinstance(item, wire.Events):
                    assert item.after == self.seq
                    self.seq = item.last
                self._changed.set()

    async def has(self, kind: type, seq: int | None = None) -> None:
        """Wait until an item of that kind came, and the events up to `seq`."""
        async with asyncio.timeout(600):
            while not any(isinstance(i, kind) for i in self.items) or (seq or 0) > self.seq:
                self._changed.clear()
                await self._changed.wait()

    def of(self, kind: type) -> list[wire.Item]:
        return [item for item in self.items if isinstance(item, kind)]


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


def test_followers_at_one_place_share_one_encoding() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(50)
            followers = [scene.follower() for _ in range(20)]
            for follower in followers:
                await follower.has(wire.CaughtUp, 50)
            scene.append(3)
            for follower in followers:
                await follower.has(wire.Events, 53)
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


def test_access_is_asked_again_at_least_once_a_minute() -> None:
    async def story() -> None:
        async with Scene() as scene:
            asked: list[float] = []

            async def recheck() -> None:
                asked.append(scene.clock())
                if len(asked) == 2:
                    raise Unavailable
                if len(asked) > 4:
                    raise Forbidden

            subscription = await scene.subscription(recheck=recheck)
            with pytest.raises(RepriseError) as caught:
                async for _ in subscription.items():
                    pass
            assert isinstance(caught.value, Forbidden)
            assert len(asked) == 5
            assert asked[0] <= 60
            assert asked[-1] <= 3 * 60 + 10 + 60

    run(story())


def test_a_job_that_nobody_follows_is_left_after_a_while() -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)
            assert scene.layer.groups[group(scene.job)]
            follower.task.cancel()
            await asyncio.sleep(5)
            assert scene.layer.groups[group(scene.job)]
            await asyncio.sleep(10)
            assert not scene.layer.groups[group(scene.job)]
            assert scene.counters.get("jobs") == 0

    run(story())


@pytest.mark.parametrize(
    "change",
    [{"job": "nonsense"}, {"lines": "one\ntwo"}, {"first": "1"}, {"lines": 7}, {"status": None}],
)
def test_a_hint_that_is_none_ends_nothing(change: dict[str, object]) -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)  # the group is joined in the background
            scene.layer.hint(scene.job, {**scene.log.append(scene.job), **change})
            scene.append()
            await follower.has(wire.Events, 2)
            assert [e for i in follower.of(wire.Events) for e in i.texts] == scene.log.texts(  # type: ignore[union-attr]  # they are Events
                scene.job
            )

    run(story())


def test_a_hint_of_a_job_that_nobody_follows_is_passed_over() -> None:
    async def story() -> None:
        async with Scene() as scene:
            follower = scene.follower()
            await follower.has(wire.CaughtUp)
            await asyncio.sleep(1)  # the group is joined in the background
            other = {**scene.log.append(scene.job), "job": str(UUID(int=7))}
            scene.layer.hint(scene.job, other)
            await asyncio.sleep(0.1)
            assert scene.counters.get("hints", "stray") == 1

    run(story())
