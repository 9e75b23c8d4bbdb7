"""Hints that the hub cannot use: they end nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from streams import wire
from tests.unit.hub_scene import Scene
from tests.unit.hub_world import run


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
