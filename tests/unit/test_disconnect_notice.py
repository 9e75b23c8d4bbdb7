"""One timer a follower: it rings at the moment asked for last, and not once it is gone."""

from __future__ import annotations

import asyncio

from streams.followers.disconnect_notice import Notice
from streams.hub.followed import Signal
from tests.unit.hub_world import run


def test_a_wait_ends_at_the_moment_asked_for_last() -> None:
    async def story() -> None:
        time = asyncio.get_running_loop().time
        signal, notice = Signal(), Notice()
        with notice.resting():
            for patience, expected in ((10.0, 10.0), (3.0, 3.0), (0.0, 0.0), (20.0, 20.0)):
                began = time()
                assert not await signal.wait(patience, notice)
                assert abs(time() - began - expected) < 0.01

    run(story())


def test_a_timer_that_stands_rings_late_for_who_waits_longer_by_then() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        signal, notice = Signal(), Notice()
        with notice.resting():
            for _ in range(100):
                loop.call_later(0.1, signal.fire)
                assert await signal.wait(13, notice)
            began = loop.time()
            assert not await signal.wait(13, notice)
            assert abs(loop.time() - began - 13) < 0.01

    run(story())


def test_waiting_again_and_again_sets_one_timer() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        signal, notice = Signal(), Notice()
        timers: list[float] = []
        set_timer = loop.call_at

        def noted(when, *rest, **more):  # type: ignore[no-untyped-def]  # as the loop's own
            timers.append(when)
            return set_timer(when, *rest, **more)

        loop.call_at = noted  # type: ignore[method-assign,assignment]  # it is counted, and done
        with notice.resting():
            for _ in range(100):
                loop.call_soon(signal.fire)
                assert await signal.wait(13, notice)
        assert len(timers) == 1

    run(story())


def test_nothing_is_left_of_a_follower_that_has_gone() -> None:
    async def story() -> None:
        signal, notice = Signal(), Notice()
        with notice.resting():
            asyncio.get_running_loop().call_soon(signal.fire)
            await signal.wait(13, notice)
            assert notice._timer is not None
        assert notice._timer is None

    run(story())
