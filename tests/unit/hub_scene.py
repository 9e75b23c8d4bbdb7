"""A hub on virtual time, with a log and a channel layer in memory, and followers that keep all."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from jobs.log import Cursor
from streams import wire
from streams.counters import Counters
from streams.followers.disconnect_notice import Notice
from streams.hub.hub import Hub
from streams.hub.subscription import Subscription
from tests.unit.hub_world import MemoryLayer, MemoryLog


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
        self,
        after: int = 0,
        notice: Notice | None = None,
        rotate_s: float | None = None,
        heartbeat_s: float | None = None,
    ) -> Subscription:
        job = self.job  # another by the time that its head is known, perhaps
        head = await self.hub.check(job, Cursor(after))
        return Subscription(
            self.hub, job, Cursor(after), head,
            notice=notice, rotate_s=rotate_s, heartbeat_s=heartbeat_s,
        )  # fmt: skip

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
