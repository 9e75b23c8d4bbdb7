"""A connection of uvicorn's that takes nothing is closed, one that takes little is not."""

from __future__ import annotations

import asyncio
from typing import cast

from streams.server_uvicorn import SLOW_SECONDS, Watch
from tests.unit.hub_world import run


class Buffer:
    """What waits in a transport."""

    size = 100_000

    def get_write_buffer_size(self) -> int:
        return self.size


def watch(buffer: Buffer, closed: list[float]) -> Watch:
    clock = asyncio.get_running_loop().time
    return Watch(cast("asyncio.Transport", buffer), lambda: closed.append(clock()))


def test_who_takes_nothing_is_closed_after_half_a_minute() -> None:
    async def story() -> None:
        closed: list[float] = []
        watch(Buffer(), closed).start()
        await asyncio.sleep(SLOW_SECONDS - 1)
        assert not closed
        await asyncio.sleep(2)
        assert len(closed) == 1

    run(story())


def test_who_takes_little_is_waited_for_until_it_stops() -> None:
    async def story() -> None:
        buffer, closed = Buffer(), list[float]()
        watch(buffer, closed).start()
        for _ in range(10):
            await asyncio.sleep(SLOW_SECONDS * 0.9)
            buffer.size -= 1
        assert not closed
        await asyncio.sleep(SLOW_SECONDS * 3)
        assert len(closed) == 1

    run(story())


def test_who_has_taken_all_is_not_looked_at_any_more() -> None:
    async def story() -> None:
        closed: list[float] = []
        looking = watch(Buffer(), closed)
        looking.start()
        looking.stop()
        await asyncio.sleep(SLOW_SECONDS * 3)
        assert not closed

    run(story())
