"""Whatever happens on the way, a follower's history is the log's prefix, and whole in the end."""

from __future__ import annotations

from contextlib import aclosing
from uuid import UUID

import pytest
from hypothesis import event, example, given, settings

from jobs.log import Cursor, Head
from jobs.log.types import PAGE_BYTES
from streams import wire
from streams.hub.batches import Bounds
from tests.unit.hub_scene import Scene
from tests.unit.hub_stories import (
    HINTS_ALONE,
    RESTORED,
    TROUBLED,
    Append,
    Follow,
    Restore,
    Step,
    Story,
    Trouble,
    by_hints_alone,
    troubled,
)
from tests.unit.hub_world import run

SMALL = Bounds(
    frame_events=1, frame_bytes=600, ring_events=2, ring_bytes=900, page_events=1, pages_bytes=0
)
LARGE = Bounds(frame_events=100, ring_events=2, page_events=100, pages_bytes=0)
FIVES = Bounds(frame_events=5, ring_events=2, page_events=5, pages_bytes=0)
FAST, SLOW = Follow(0, 0, None), Follow(0, 0.3, None)


def _restored(bounds: Bounds, already: int, *steps: tuple[Step, float]) -> Story:
    return Story(bounds, PAGE_BYTES, 0.0005, 0.0005, already, list(steps), Append(3, "arrives"))


# A hint of the old history arrives after two seconds: it says that the job runs at event 14, where
# it ends in the new one; or the other way round.
LATE_RUNNING = _restored(
    SMALL, 13, (Append(1, "very late"), 0), (Restore(0, 10, "arrives"), 0), (FAST, 1.1),
    (Append(1, "very late"), 0),
)  # fmt: skip
LATE_END = _restored(
    SMALL, 13, (Restore(0, 10, "arrives", "very late"), 0), (FAST, 1.1), (Append(1, "lost"), 0.9),
    (Append(3, "lost"), 0.9),
)  # fmt: skip
# A follower of a job that has ended reads slowly, and the log has gone on from an earlier event, or
# has fewer than the follower.
PAST_THE_END = _restored(
    LARGE, 30, (FAST, 0.05), (SLOW, 0.05), (Append(3, "arrives"), 0),
    (Restore(0.9, 10, "lost", "arrives"), 0.05),
)  # fmt: skip
SHORTER = _restored(FIVES, 30, (SLOW, 1.1), (Restore(0.1, 0, "lost", "arrives"), 0))
# The log says that it has the ring's end, and is restored before the next page is read.
BETWEEN = Story(
    Bounds(frame_events=1, frame_bytes=600, ring_events=11, page_events=1, pages_bytes=0),
    PAGE_BYTES, 0.001, 0.0005, 1,
    [
        (FAST, 0.002), (Append(1, "arrives"), 0.004), (Restore(0.3, 0, "arrives"), 0),
        (Append(1, "arrives"), 0), (Trouble("gone", 0.01), 0.002), (Restore(0, 10, "arrives"), 0),
    ],
    Append(1, "arrives"),
)  # fmt: skip
# While the log is asked whether it has the ring's end, which a hint of a second history doubts, it
# is restored to a third one, of which the next hint tells.
_TWICE = (
    (FAST, 0.002), (Append(1, "arrives"), 0.004), (Restore(0.3, 0, "arrives"), 0),
    (Append(1, "arrives"), 0.002), (Restore(0, 3, "arrives"), 0),
)  # fmt: skip
ALONE = Bounds(frame_events=1, frame_bytes=600, ring_events=11, page_events=1, pages_bytes=0)


def _restored_twice(bounds: Bounds, already: int) -> Story:
    return Story(bounds, PAGE_BYTES, 0.001, 0.0005, already, list(_TWICE), Append(1, "arrives"))


@given(TROUBLED)
@settings(deadline=None, max_examples=300)
def test_every_follower_gets_the_whole_log_in_order(story: Story) -> None:
    world = troubled(story)
    for label in ("used", "old", "gap", "large"):
        event(f"hints {label}: {'some' if world.counters.get('hints', label) else 'none'}")
    for name in ("heals", "poll_heals", "page_reads", "page_hits", "ring_hits", "read_failures"):
        event(f"{name}: {'some' if world.counters.get(name) else 'none'}")
    event(f"fell behind: {any('FellBehind' in f.kinds for f in world.followers)}")


@given(HINTS_ALONE)
@settings(deadline=None, max_examples=150)
def test_where_no_hint_is_lost_nobody_needs_a_poll_or_a_heartbeat(story: Story) -> None:
    by_hints_alone(story)


@given(RESTORED)
@example(LATE_RUNNING)
@example(LATE_END)
@example(PAST_THE_END)
@example(SHORTER)
@example(BETWEEN)
@example(_restored_twice(ALONE, 0))
@example(_restored_twice(SMALL, 1))
@settings(deadline=None, max_examples=300)
def test_a_log_that_goes_back_is_followed_anew(story: Story) -> None:
    world = troubled(story)
    event(f"histories dropped: {world.counters.get('histories_dropped') > 0}")


def test_a_database_that_goes_away_while_a_history_is_doubted_is_a_failed_read(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(3)
            follower = scene.follower()
            await follower.has(wire.Events, 3)
            scene.log.restore(scene.job, 1)
            check = scene.log.check_cursor

            async def check_then_go(job: UUID, cursor: Cursor) -> Head:
                try:
                    return await check(job, cursor)
                finally:
                    scene.log.away = True

            monkeypatch.setattr(scene.log, "check_cursor", check_then_go)
            await scene.hub.mark_stale(scene.job)
            assert scene.counters.get("read_failures", "verify") == 1
            scene.log.away = False

    run(story())
    assert "a task of the hub failed" not in caplog.text


def test_a_finished_job_that_is_restored_while_it_is_read_goes_on() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(4, "failed")
            async with aclosing((await scene.subscription()).items()) as items:
                assert isinstance(await anext(items), wire.Hello)
                scene.log.restore(scene.job, 2)
                scene.append(8)
                assert [type(await anext(items)) for _ in range(2)] == [wire.Events, wire.CaughtUp]
                assert isinstance(await anext(items), wire.Heartbeat)
                scene.append(1, "succeeded")
                assert isinstance(await anext(items), wire.Events)
                assert await anext(items) == wire.End(
                    11, "succeeded", scene.log.texts(scene.job)[-1][-66:-58]
                )

    run(story())
