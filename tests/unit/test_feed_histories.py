"""Whatever happens on the way, a follower of the feed knows every job as it ended.

Hypothesis makes up what happens: jobs that move, a sequencer that is late, hints that arrive, are
lost, doubled, late or untrue; followers of several sights that come, go, read slowly; a database
that is away; memories and pages small enough to overflow.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from core.errors import CursorAhead, Unavailable
from jobs.access.visible_set import Visibility
from tests.unit.feed_world import ALL, FeedScene, MemoryJob, Reader
from tests.unit.hub_world import run

T = TypeVar("T")

FATES = st.sampled_from(["arrives", "lost", "doubled", "late", "untrue", "unfed"])
MOMENT = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.004, 0.05, 0.3, 1.1])
SIGHTS = st.sampled_from(
    [ALL, Visibility(user=1), Visibility(user=2, teams=frozenset({7})), Visibility(user=3)]
)


@dataclass(frozen=True)
class Submit:
    owner: int
    team: int | None


@dataclass(frozen=True)
class Move:
    job: int
    events: int
    fate: str


@dataclass(frozen=True)
class Follow:
    sight: Visibility
    share: float  # of the feed, from which on it follows
    slowness: float
    leaves_after: int | None  # items, then the connection breaks and comes back


@dataclass(frozen=True)
class Away:
    seconds: float


@dataclass(frozen=True)
class Restore:
    share: float  # of the feed that is kept
    events: int  # of a new job, at once


STEPS = st.one_of(
    st.builds(Submit, st.integers(1, 3), st.sampled_from([None, 7, 8])),
    st.builds(Move, st.integers(0, 9), st.integers(1, 5), FATES),
    st.builds(Move, st.integers(0, 9), st.integers(1, 2), FATES),
    st.builds(
        Follow, SIGHTS, st.floats(0, 1), st.sampled_from([0.0, 0.0, 0.001, 0.02]),
        st.none() | st.integers(1, 5),
    ),
    st.builds(Away, st.sampled_from([0.01, 0.5, 4])),
    st.builds(Restore, st.sampled_from([0.0, 0.5, 0.9]), st.integers(0, 9)),
)  # fmt: skip


@dataclass
class Client:
    """A follower over all its connections, and which of the jobs it must know in the end."""

    reader: Reader
    sight: Visibility
    start: int


class World:
    """Jobs, their feed, and whoever follows it."""

    def __init__(self, scene: FeedScene) -> None:
        self.scene = scene
        self.restored = False
        self.clients: list[Client] = []
        self.tasks: list[asyncio.Task[None]] = []

    def take(self, step: object) -> None:
        memory = self.scene.memory
        match step:
            case Submit():
                memory.submit(step.owner, step.team).head = 1
            case Move() if memory.jobs:
                self.move(memory.jobs[step.job % len(memory.jobs)], step)
            case Follow():
                start = round(step.share * len(memory.rows))
                reader = Reader(self.scene.feed, step.sight, start, step.slowness)
                reader.task.cancel()  # it connects as this world has it
                self.clients.append(Client(reader, step.sight, start))
                self.tasks.append(asyncio.create_task(follow(reader, step.leaves_after)))
            case Restore() if not self.restored:
                self.restored = True  # twice between two reads of the feed is not noticed
                memory.restore(round(step.share * len(memory.rows)))
                if step.events:
                    memory.move(memory.submit(), step.events)
            case Away():
                memory.away = True
                self.later(step.seconds, self.back)

    def move(self, job: MemoryJob, step: Move) -> None:
        job.head += step.events
        if step.fate == "unfed":
            return  # its row is ahead of the feed until the next one moves
        position = self.scene.memory.sequence()
        for _ in range({"arrives": 1, "doubled": 2}.get(step.fate, 0)):
            self.scene.hint(position)
        if step.fate == "late":
            self.later(0.003, lambda: self.scene.hint(position))
        if step.fate == "untrue":
            self.scene.hint(position + 1000)

    def back(self) -> None:
        self.scene.memory.away = False

    def later(self, seconds: float, do: object) -> None:
        asyncio.get_running_loop().call_later(seconds, do)  # type: ignore[arg-type]  # callables

    async def settle(self) -> None:
        """Let everything arrive, and look at what everybody knows."""
        memory = self.scene.memory
        memory.away = False
        memory.sequence()  # no hint: the poll finds it
        await asyncio.sleep(60)
        newest = {job.id: place for place, (job, _) in enumerate(memory.rows, 1)}
        for client in self.clients:
            must = {
                str(job.id): job.head
                for job in memory.jobs
                if client.sight.has(job.owner, job.team, "")
                and newest[job.id] > client.reader.start
            }
            assert client.reader.heads == must
            kinds = client.reader.kinds()
            assert kinds[0] == "Hello"
            assert kinds.count("CaughtUp") == kinds.count("FellBehind") + 1
        for task in self.tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def follow(reader: Reader, leaves_after: int | None) -> None:
    """Follow for good; once come back, where the connection is to break."""
    if leaves_after is not None:
        await connect(reader, leaves_after)
    await connect(reader, None)


async def connect(reader: Reader, items_at_most: int | None) -> None:
    while True:
        try:
            return await reader.follow(items_at_most)
        except CursorAhead:
            reader.forget()
        except Unavailable:
            await asyncio.sleep(0.1)


@given(
    st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(0, 6),
    st.lists(st.tuples(STEPS, MOMENT), max_size=40),
)  # fmt: skip
@example(
    page_positions=1, recent_jobs=1, frame_jobs=1, already=1,
    steps=[(Follow(ALL, 0, 0, None), 0), (Move(0, 1, "unfed"), 0.004), (Restore(0.9, 0), 0)],
)  # fmt: skip
@example(
    page_positions=1, recent_jobs=1, frame_jobs=1, already=5,
    steps=[
        (Submit(1, None), 0), (Move(2, 1, "arrives"), 0), (Follow(ALL, 0.25, 0, 2), 0.004),
        (Restore(0.5, 0), 0),
    ],
)  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_every_follower_knows_every_job_that_is_theirs_as_it_ended(
    page_positions: int,
    recent_jobs: int,
    frame_jobs: int,
    already: int,
    steps: list[tuple[object, float]],
) -> None:
    bounds = {
        "page_positions": page_positions, "recent_jobs": recent_jobs, "frame_jobs": frame_jobs,
    }  # fmt: skip

    async def story() -> None:
        async with FeedScene(**bounds) as scene:
            for owner in range(already):
                scene.memory.move(scene.memory.submit(1 + owner % 3))
            world = World(scene)
            for step, pause in steps:
                world.take(step)
                await asyncio.sleep(pause)
            await world.settle()
            behind = any("FellBehind" in client.reader.kinds() for client in world.clients)
            event(f"fell behind: {behind}")
            event(f"pages of the past: {scene.counters.get('feed_reads', 'page') > 0}")

    run(story())
