"""Whatever happens on the way, a follower's history is the log's prefix, and whole in the end.

Hypothesis makes up what happens: appends whose hints arrive, are lost, doubled, late and so out of
order; followers that come, go, read slowly; a channel layer or a log that is away for a while;
rings, pages and frames small enough to overflow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import event, given, settings
from hypothesis import strategies as st

from core.errors import RepriseError
from jobs.log import Cursor, Head
from streams import wire
from streams.counters import Counters
from streams.hub import Hub
from streams.stretch import Bounds
from streams.subscription import Subscription
from tests.unit.hub_world import MemoryLayer, MemoryLog, run

FATES = st.sampled_from(["arrives", "lost", "doubled", "late", "bare"])
MOMENT = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.004, 0.05, 0.3, 1.1])


@dataclass(frozen=True)
class Append:
    events: int
    fate: str


@dataclass(frozen=True)
class Follow:
    share: float  # of the log that the follower has already
    slowness: float  # how long the transport takes for an item
    leaves_after: int | None  # items, then the connection breaks and comes back


@dataclass(frozen=True)
class Trouble:
    what: str
    seconds: float


STEPS = st.one_of(
    st.builds(Append, st.integers(1, 9), FATES),
    st.builds(Append, st.integers(1, 3), FATES),
    st.builds(
        Follow,
        st.floats(0, 1),
        st.sampled_from([0.0, 0.0, 0.001, 0.02]),
        st.none() | st.integers(1, 6),
    ),
    st.builds(
        Trouble, st.sampled_from(["gone", "frozen", "away"]), st.sampled_from([0.01, 0.5, 4])
    ),
)


@dataclass
class Follower:
    """One client: what it got over all its connections, and the milestones of the last one."""

    hub: Hub
    job: UUID
    texts: list[str]
    slowness: float
    leaves_after: int | None
    kinds: list[str] = field(default_factory=list)

    async def follow(self) -> None:
        """Follow to the end, coming back once where the connection is to break."""
        if self.leaves_after is not None:
            await self._connect(self.leaves_after)
        await self._connect(None)

    async def _connect(self, leaves_after: int | None) -> None:
        cursor = Cursor(len(self.texts), self.texts[-1][-66:-58] if self.texts else None)
        head = await self._checked(cursor)
        subscription = Subscription(self.hub, self.job, cursor, head)
        self.kinds = []
        async with aclosing(subscription.items()) as items:
            async for item in items:
                await asyncio.sleep(self.slowness)
                self._take(item)
                if leaves_after is not None and len(self.kinds) >= leaves_after:
                    return

    async def _checked(self, cursor: Cursor) -> Head:
        while True:
            try:
                return await self.hub.check(self.job, cursor)
            except RepriseError:
                await asyncio.sleep(0.1)

    def _take(self, item: wire.Item) -> None:
        self.kinds.append(type(item).__name__)
        if isinstance(item, wire.Events):
            assert item.after == len(self.texts), "a gap, or something twice"
            self.texts.extend(item.texts)
        elif isinstance(item, wire.CaughtUp | wire.End | wire.FellBehind):
            assert item.seq == len(self.texts)


class World:
    """One job, its hub, whoever follows, and the trouble they are in."""

    def __init__(self, bounds: Bounds) -> None:
        self.log = MemoryLog()
        self.layer = MemoryLayer()
        self.job = self.log.submit()
        self.counters = Counters()
        self.hub = Hub(self.log, lambda: self.layer, counters=self.counters, bounds=bounds)
        self.followers: list[tuple[Follower, asyncio.Task[None]]] = []
        self.late: set[asyncio.Task[None]] = set()

    async def live(self, steps: list[tuple[object, float]], ending: Append) -> None:
        await self.hub.start()
        for step, pause in steps:
            self.take(step)
            await asyncio.sleep(pause)
        self.layer.gone = self.layer.frozen = self.log.away = False
        self.append(ending, status="succeeded")
        await asyncio.wait_for(asyncio.gather(*(task for _, task in self.followers)), 120)
        await self.hub.close()

    def take(self, step: object) -> None:
        match step:
            case Append():
                self.append(step)
            case Follow():
                has = self.log.texts(self.job)
                has = has[: round(step.share * len(has))]
                one = Follower(self.hub, self.job, has, step.slowness, step.leaves_after)
                self.followers.append((one, asyncio.create_task(one.follow())))
            case Trouble():
                self.later(step.seconds, self.trouble, step.what)

    def append(self, step: Append, status: str = "running") -> None:
        hint = self.log.append(self.job, step.events, status)
        match step.fate:
            case "arrives":
                self.layer.hint(self.job, hint)
            case "doubled":
                self.layer.hint(self.job, hint)
                self.layer.hint(self.job, hint)
            case "late":
                self.later(0.003, self.layer.hint, self.job, hint)
            case "bare":
                self.layer.hint(self.job, {**hint, "lines": None})

    def trouble(self, what: str) -> None:
        thing = self.log if what == "away" else self.layer
        setattr(thing, what, False)

    def later(self, seconds: float, do: Callable[..., None], *args: object) -> None:
        if do == self.trouble:
            setattr(self.log if args[0] == "away" else self.layer, str(args[0]), True)
        asyncio.get_running_loop().call_later(seconds, do, *args)


BOUNDS = st.builds(
    Bounds,
    frame_events=st.integers(1, 5),
    frame_bytes=st.sampled_from([600, 256 * 1024]),
    ring_events=st.integers(2, 12),
    ring_bytes=st.sampled_from([900, 2 * 1024 * 1024]),
    page_events=st.integers(1, 7),
    pages_bytes=st.sampled_from([0, 2000, 16 * 1024 * 1024]),
)


@given(
    BOUNDS,
    st.integers(0, 30),
    st.lists(st.tuples(STEPS, MOMENT), max_size=40),
    st.builds(Append, st.integers(1, 3), FATES),
)
@settings(deadline=None, max_examples=300)
def test_every_follower_gets_the_whole_log_in_order(
    bounds: Bounds, already: int, steps: list[tuple[object, float]], ending: Append
) -> None:
    async def story() -> World:
        world = World(bounds)
        if already:
            world.log.append(world.job, already)
        await world.live(steps, ending)
        return world

    world = run(story())
    whole = world.log.texts(world.job)
    for follower, _ in world.followers:
        assert follower.texts == whole
        assert follower.kinds[0] == "Hello"
        assert follower.kinds[-1] == "End"
        assert follower.kinds.count("End") == 1
        assert "CaughtUp" in follower.kinds
        assert follower.kinds.count("CaughtUp") == follower.kinds.count("FellBehind") + 1
    for name in ("heals", "poll_heals", "page_reads"):
        event(f"{name}: {'some' if world.counters.get(name) else 'none'}")
    event(f"fell behind: {any('FellBehind' in f.kinds for f, _ in world.followers)}")
