"""Stories of a followed job for Hypothesis to make up, and what must hold of each.

Appends whose hints arrive, are lost, doubled, late and so out of order; followers that come, go in
the middle of an item, read slowly; a channel layer or a log that is away for a while; rings, pages
and frames small enough to overflow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import strategies as st

from core.errors import CursorAhead, HistoryDiverged, Unavailable
from jobs.events import first_hash
from jobs.log import Cursor, Head
from jobs.log.types import PAGE_BYTES
from streams import wire
from streams.counters import Counters
from streams.hub.batches import Bounds
from streams.hub.continuity import Continuity
from streams.hub.followed import Followed
from streams.hub.hub import Hub
from streams.hub.subscription import Subscription
from tests.unit.hub_world import MemoryLayer, MemoryLog, run

NEVER = 1e6
PATIENCE_SECONDS = 120.0
# How late a hint is: a little, so that others overtake it, or after the poll has healed its loss.
LATE = {"late": 0.003, "very late": 2.0}
ARRIVING = ["arrives", "doubled", "bare", *LATE]
MOMENT = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.004, 0.05, 0.3, 1.1])


@dataclass(frozen=True)
class Append:
    events: int
    fate: str


@dataclass(frozen=True)
class Follow:
    share: float  # of the log that the follower has already
    slowness: float  # how long the transport takes for an item
    breaks_at: int | None  # the item that never arrives; the client comes back after it


@dataclass(frozen=True)
class Trouble:
    what: str
    seconds: float


@dataclass(frozen=True)
class Restore:
    share: float  # of the log that is kept
    events: int  # that are appended at once, of the new history
    fate: str
    end: str | None = None  # the fate of the old history's last hint, if the job ended just before


Step = Append | Follow | Trouble | Restore


@dataclass(frozen=True)
class Story:
    """One job's: how long its log is when the hub starts, what happens then, how it ends."""

    bounds: Bounds
    page_bytes: int  # at which a page of the log ends
    log_seconds: float  # that a read takes, and a call of the channel layer
    layer_seconds: float
    already: int
    steps: list[tuple[Step, float]]
    ending: Append


BOUNDS = st.builds(
    Bounds,
    frame_events=st.integers(1, 5),
    frame_bytes=st.sampled_from([600, 256 * 1024]),
    ring_events=st.integers(2, 12),
    ring_bytes=st.sampled_from([900, 2 * 1024 * 1024]),
    page_events=st.integers(1, 7),
    pages_bytes=st.sampled_from([0, 2000, 16 * 1024 * 1024]),
)
FOLLOW = st.builds(
    Follow, st.floats(0, 1), st.sampled_from([0.0, 0.0, 0.001, 0.02]), st.none() | st.integers(1, 7)
)
TROUBLE = st.builds(
    Trouble, st.sampled_from(["gone", "frozen", "away"]), st.sampled_from([0.01, 0.5, 4])
)

RESTORE = st.builds(
    Restore,
    st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    st.integers(0, 12),
    st.sampled_from([*ARRIVING, "lost"]),
    st.none() | st.sampled_from([*ARRIVING, "lost"]),
)


def _stories(
    fates: list[str], most: int, *more: st.SearchStrategy[Step]
) -> st.SearchStrategy[Story]:
    fate = st.sampled_from(fates)
    appends = (
        st.builds(Append, st.integers(1, 9), fate),
        st.builds(Append, st.integers(1, 3), fate),
    )
    steps = st.one_of(*appends, FOLLOW, *more)
    ending = st.builds(Append, st.integers(1, 3), fate)
    happens = st.lists(st.tuples(steps, MOMENT), max_size=most)
    latency = st.sampled_from([0.0005, 0.001, 0.02, 0.3])
    page_bytes = st.sampled_from([PAGE_BYTES, 700])
    return st.builds(
        Story, BOUNDS, page_bytes, latency, latency, st.integers(0, 30), happens, ending
    )


# Whatever can go wrong, all at once.
TROUBLED = _stories([*ARRIVING, "lost"], 40, TROUBLE)
# The same, and the log is restored to an earlier point under everybody.
RESTORED = _stories([*ARRIVING, "lost"], 25, TROUBLE, RESTORE)
# Every hint arrives whose group has been joined. There is no poll, and no heartbeat at which a
# follower would look again: nothing but the hub's order of things brings anything. Not much
# happens, because each append brings along what got lost before it.
HINTS_ALONE = _stories(ARRIVING, 8)


@dataclass(frozen=True)
class Parts:
    """The classes that a story is told with; a mutant in place of one makes it go wrong."""

    hub: type[Hub] = Hub
    followed: type[Followed] = Followed
    subscription: type[Subscription] = Subscription
    continuity: type[Continuity] = Continuity


@dataclass
class Follower:
    """One client: what it got over all its connections, and the milestones of the last one."""

    hub: Hub
    parts: Parts
    job: UUID
    texts: list[str]
    slowness: float
    breaks_at: int | None
    kinds: list[str] = field(default_factory=list)
    status: str = ""  # with which it ended
    took: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Follow to the end, coming back once where the connection is to break.

        Begin again where the history turns out to be another.
        """
        while True:
            try:
                if (breaks_at := self.breaks_at) is not None:
                    self.breaks_at = None
                    await self._connect(breaks_at)
                return await self._connect(None)
            except (CursorAhead, HistoryDiverged):
                self.texts = []
            except Unavailable:
                await asyncio.sleep(0.1)

    async def _connect(self, breaks_at: int | None) -> None:
        cursor = Cursor(len(self.texts), self.texts[-1][-66:-58] if self.texts else None)
        head = await self._checked(cursor)
        follows = self.parts.subscription(
            self.hub, self.job, cursor, head, continuity=self.parts.continuity
        )
        self.kinds = []
        async with aclosing(follows.items()) as items:
            async for item in items:
                await asyncio.sleep(self.slowness)
                if len(self.kinds) + 1 == breaks_at:
                    return
                self._take(item)

    async def _checked(self, cursor: Cursor) -> Head:
        while True:
            try:
                return await self.hub.check(self.job, cursor)
            except Unavailable:
                await asyncio.sleep(0.1)

    def _take(self, item: wire.Item) -> None:
        self.kinds.append(type(item).__name__)
        self.took.set()
        if isinstance(item, wire.Events):
            assert item.after == len(self.texts), "a gap, or something twice"
            before = self.texts[-1][-66:-2] if self.texts else first_hash(self.job).hex()
            for text in item.texts:
                assert wire.is_chained(before, text), "another history"
                before = text[-66:-2]
            self.texts.extend(item.texts)
        elif isinstance(item, wire.CaughtUp | wire.End | wire.FellBehind):
            assert item.seq == len(self.texts), "a milestone at another place"
            if isinstance(item, wire.End):
                self.status = item.status


class World:
    """One job, its hub, whoever follows, and the trouble they are in."""

    def __init__(self, story: Story, parts: Parts, **options: float) -> None:
        self.log = MemoryLog(story.log_seconds, story.page_bytes)
        self.layer = MemoryLayer(story.layer_seconds)
        self.job = self.log.submit()
        self.counters = Counters()
        self.hub = parts.hub(
            self.log, lambda: self.layer, counters=self.counters, bounds=story.bounds,
            followed=parts.followed, **options,  # type: ignore[arg-type]  # they are seconds
        )  # fmt: skip
        self.followers: list[Follower] = []
        self._following: list[asyncio.Task[None]] = []
        self._story, self._parts = story, parts

    async def live(self) -> None:
        """Let it all happen, until everybody has the end."""
        if self._story.already:
            self.log.append(self.job, self._story.already)
        await self.hub.start()
        for step, pause in self._story.steps:
            self._take(step)
            await asyncio.sleep(pause)
        self.layer.gone = self.layer.frozen = self.log.away = False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                # All of it is there before another hint could tell of it.
                await self._has_all()
                self._append(self._story.ending, status="succeeded")
                await asyncio.gather(*self._following)
        except TimeoutError:
            raise AssertionError("somebody waits for ever") from None
        finally:
            for task in self._following:
                task.cancel()
            await self.hub.close()

    async def _has_all(self) -> None:
        whole = self.log.texts(self.job)
        for one, task in zip(self.followers, self._following, strict=True):
            while one.texts != whole and not task.done():
                one.took.clear()
                waiting = asyncio.create_task(one.took.wait())
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()

    def holds(self) -> None:
        """Everybody has the whole log, and what stands around it in the protocol's order.

        Or the whole of a log that had ended when it was restored. An `end` is of what they have.
        """
        ends = [(self.log.texts(self.job), self.log.status(self.job)), *self.log.ended]
        for follower in self.followers:
            kinds = follower.kinds
            assert (follower.texts, follower.status) in ends, "an end of another history"
            assert kinds[0] == "Hello"
            assert kinds[-1] == "End"
            assert kinds.count("End") == 1
            assert kinds.count("CaughtUp") == kinds.count("FellBehind") + 1

    def _take(self, step: Step) -> None:
        match step:
            case Append():
                self._append(step)
            case Follow():
                has = self.log.texts(self.job)
                has = has[: round(step.share * len(has))]
                one = Follower(self.hub, self._parts, self.job, has, step.slowness, step.breaks_at)
                self.followers.append(one)
                self._following.append(asyncio.create_task(one.follow()))
            case Restore():
                if step.end:
                    self._append(Append(1, step.end), status="failed")
                self.log.restore(self.job, round(step.share * len(self.log.texts(self.job))))
                if step.events:
                    self._append(Append(step.events, step.fate))
            case Trouble():
                thing = self.log if step.what == "away" else self.layer
                setattr(thing, step.what, True)
                _later(step.seconds, setattr, thing, step.what, False)

    def _append(self, step: Append, status: str = "running") -> None:
        hint = self.log.append(self.job, step.events, status)
        match step.fate:
            case "arrives":
                self.layer.hint(self.job, hint)
            case "doubled":
                self.layer.hint(self.job, hint)
                self.layer.hint(self.job, hint)
            case "bare":
                self.layer.hint(self.job, {**hint, "lines": None})
            case late if late in LATE:
                _later(LATE[late], self.layer.hint, self.job, hint)


def _later(seconds: float, do: Callable[..., None], *args: object) -> None:
    asyncio.get_running_loop().call_later(seconds, do, *args)


def troubled(story: Story, parts: Parts = Parts()) -> World:
    """Tell a story of `TROUBLED`; return the world afterwards. Raises AssertionError."""
    return _told(story, parts)


def by_hints_alone(story: Story, parts: Parts = Parts()) -> World:
    """Tell a story of `HINTS_ALONE`; return the world afterwards. Raises AssertionError."""
    return _told(story, parts, poll_seconds=NEVER, heartbeat_seconds=NEVER)


def _told(story: Story, parts: Parts, **options: float) -> World:
    async def life() -> World:
        world = World(story, parts, **options)
        await world.live()
        return world

    world = run(life())
    world.holds()
    return world
