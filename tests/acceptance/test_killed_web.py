"""The web process is killed in mid-run: whoever follows comes back with the cursor."""

from __future__ import annotations

import asyncio
import os
import random
import signal

from tests.acceptance.followers import Plan
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.paused_commands import commands_paused
from tests.acceptance.up import Up
from tests.support.waiting import auntil, until


async def test_followers_of_a_killed_web_process_resume_and_miss_nothing(up: Up, seed: int) -> None:
    rng = random.Random(seed)
    version, killed = up.other_version(), up.web_pid()
    job = up.update(version)
    followers = on_every_transport(up, job, Plan(seed))
    moment = rng.randint(10, 120)

    def kill() -> None:
        """Kill it while the run stands still, so that nobody has come to the end by then."""
        with commands_paused(up, job) as head:
            until(lambda: all(len(each.texts) >= head for each in followers), f"event {head}")
            os.kill(killed, signal.SIGKILL)

    async with followed(up, followers):
        await auntil(lambda: up.rows.head(job) >= moment, f"event {moment}")
        await asyncio.to_thread(kill)

    for follower in followers:
        assert follower.ended == "succeeded"
        assert follower.losses >= 1, f"{follower} noticed nothing"
    assert up.web_pid() != killed
    assert all(up.fleet.version(name)["version"] == version for name in up.servers)
    assert up.rows.events(job, "attempt.started")[-1]["attempt"] == 1, "the worker did not care"
