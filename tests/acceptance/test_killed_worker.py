"""Twenty workers are killed in mid-run, and the work is done once and to its end all the same."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.followers import Follower, Plan
from tests.acceptance.following import missed_nothing, on_every_transport
from tests.acceptance.killing import Executioner, Kill
from tests.acceptance.up import Up, running
from tests.support.waiting import auntil

KILLS = 20
AIMS = ["effect"] * 10 + ["recorded"] * 3 + ["started"] * 3 + ["hanging"] * 3 + ["taken"]
BETWEEN = 5  # so many kills at least came between an effect and its record
Events = list[dict[str, Any]]


@pytest.fixture
def harmed() -> Iterator[Up]:
    """A copy whose worker is missed and replaced sooner than usual."""
    with running({"REPRISE_LEASE_SECONDS": "2", "REPRISE_SWEEP_SECONDS": "0.5"}) as copy:
        yield copy


async def test_a_killed_worker_costs_nothing_but_time(harmed: Up, seed: int) -> None:
    rng = random.Random(seed)
    aims = rng.sample(AIMS, KILLS)
    executioner = Executioner(harmed, rng)
    asked = {name: harmed.fleet.supervisor(name)["asked"] for name in harmed.servers}
    jobs: list[str] = []
    followers: list[Follower] = []

    async with asyncio.TaskGroup() as group:
        while aims:
            version = harmed.other_version()
            jobs.append(harmed.update(version))
            new = on_every_transport(harmed, jobs[-1], Plan(seed + len(jobs)))
            followers += new
            following = [group.create_task(each.follow()) for each in new]
            await asyncio.to_thread(executioner.kill_as_planned, jobs[-1], aims)
            await ended(harmed, jobs[-1])
            await asyncio.gather(*following)
            succeeded(harmed, jobs[-1])
            for name in harmed.servers:
                assert harmed.fleet.version(name)["version"] == version

    print(f"{len(jobs)} jobs, {executioner.kills}")  # noqa: T201 - pytest shows it on failure
    restarts: Counter[str] = Counter()
    between = 0
    for job in jobs:
        events = harmed.rows.events(job)
        kills = [kill for kill in executioner.kills if kill.job == job]
        attempts_follow_each_other(events, kills)
        nothing_recorded_runs_again(events)
        between += sum(came_between(events, kill) for kill in kills)
        restarts.update(e["target"] for e in events if may_restart(e))
    assert between >= BETWEEN, f"only {between} kills came between an effect and its record"
    for name in harmed.servers:
        state = harmed.fleet.supervisor(name)
        assert 0 < state["asked"] - asked[name] <= restarts[name], f"{name} restarted too often"
        assert state["crashes"] == 0
    for follower in followers:
        assert follower.losses == 0, follower.lost
        missed_nothing(harmed, follower)


async def ended(up: Up, job: str) -> None:
    """Wait for a job's end; its followers' patience alone would not say what it hangs at."""
    await auntil(
        lambda: up.rows.has_ended(job), lambda: f"the end of {job}: {up.rows.events(job)[-3:]}", 0.1
    )


def succeeded(up: Up, job: str) -> None:
    """The job ended right; if not, say which steps did not."""
    failed = [event for event in up.rows.events(job) if event["type"] == "step.failed"]
    assert up.rows.status(job) == "succeeded", f"{up.rows.events(job)[-1]}, {failed}"


def attempts_follow_each_other(events: Events, kills: list[Kill]) -> None:
    """Each killed attempt is followed by another, and writes nothing once that has begun."""
    attempts = [event["attempt"] for event in events]
    assert attempts == sorted(attempts), "an attempt wrote after the next one had begun"
    started = [event["attempt"] for event in events if event["type"] == "attempt.started"]
    assert started == list(range(1, len(started) + 1))
    assert {kill.attempt + 1 for kill in kills} <= set(started)


def nothing_recorded_runs_again(events: Events) -> None:
    """No step starts once its success is recorded."""
    done = set()
    for event in events:
        if not event["type"].startswith("step.") or "occurrence" not in event["data"]:
            continue
        key = (event["step"], event.get("target"), event["data"]["occurrence"])
        assert key not in done, f"{key} went on after its success: {event}"
        if event["type"] == "step.succeeded":
            done.add(key)


def came_between(events: Events, kill: Kill) -> bool:
    """Return whether a kill ended the attempt with an effect that it had not recorded."""
    if kill.effect is None:
        return False
    server, step = kill.effect
    ours = [
        event["type"]
        for event in events
        if event["attempt"] == kill.attempt
        and (event.get("target"), event.get("step")) == (server, step)
    ]
    return "step.started" in ours and "step.succeeded" not in ours


def may_restart(event: dict[str, Any]) -> bool:
    """Return whether an event begins a step that may restart its server."""
    return event["type"] == "step.started" and event["step"] in ("restart", "rollback")
