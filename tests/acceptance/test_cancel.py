"""Stopping a run, and two runs that want one server."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from tests.acceptance.followers import Plan
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.up import Up
from tests.support.waiting import auntil, until


@pytest.mark.parametrize("run", [1, 2])
async def test_a_run_that_is_stopped_leaves_every_server_whole(up: Up, seed: int, run: int) -> None:
    before = {name: up.fleet.version(name)["version"] for name in up.servers}
    version = up.other_version()
    job = up.update(version)
    # Anywhere from the canary's drain to the middle of the second batch.
    moment = random.Random(seed).randint(6, 150)

    async with followed(up, on_every_transport(up, job, Plan(seed, cuts=5))):
        await auntil(lambda: up.rows.head(job) >= moment, f"event {moment}")
        with up.client() as client:
            answer = client.post(f"/api/jobs/{job}/cancel")
            again = client.post(f"/api/jobs/{job}/cancel")

    assert answer.status_code == 202, answer.text
    assert (again.status_code, again.json()["code"]) == (409, "not_now")
    events = up.rows.events(job)
    assert events[answer.json()["seq"] - 1]["type"] == "job.cancel_requested"
    assert events[-1]["type"] == "job.cancelled", events[-1]
    assert events[-1]["data"]["message"].startswith("Stopped on request.")
    through = {name for name in up.servers if last_step(events, name) == "undrain"}
    assert len(through) < len(up.servers), "stopped too late to mean anything"
    for name in up.servers:
        assert is_whole(up, name), f"{name} was left half-way"
        wanted = version if name in through else before[name]
        assert up.fleet.version(name)["version"] == wanted, f"{name} is neither here nor there"


def is_whole(up: Up, name: str) -> bool:
    """Return whether a server is in play and runs what its `current` says, in good health."""
    current = (up.fleet.folder(name) / "current").resolve().name
    healthy = httpx.get(up.fleet.servers[name]["url"] + "/healthz", timeout=60).status_code == 200
    running = up.fleet.version(name)["version"]
    return healthy and running == current and not up.fleet.is_draining(name)


def last_step(events: list[dict[str, Any]], name: str) -> str:
    """Return the last step that succeeded on a server, empty where none did."""
    done = [event for event in events if event["type"] == "step.succeeded"]
    return next((str(event["step"]) for event in reversed(done) if event["target"] == name), "")


async def test_a_second_job_for_a_server_waits_says_for_what_and_then_runs(
    up: Up, seed: int
) -> None:
    first_version = up.other_version()
    second_version = next(each for each in up.ready["versions"] if each != first_version)
    first = up.update(first_version)
    until(lambda: up.rows.status(first) == "running", "the first job to run")
    wanted = up.servers[-2:]
    second = up.update(second_version, wanted, canary=0)

    followers = on_every_transport(up, first, Plan(seed)) + on_every_transport(
        up, second, Plan(seed, cuts=5)
    )
    async with followed(up, followers):
        await auntil(lambda: up.job(second)["status"] != "queued", "the second job's turn")

    assert {each.ended for each in followers} == {"succeeded"}
    events = up.rows.events(second)
    waiting = next(event for event in events if event["type"] == "job.waiting")
    assert waiting["data"]["for"] == "targets"
    assert waiting["data"]["targets"] == [{"target": name, "job": first} for name in wanted]
    started = next(event for event in events if event["type"] == "attempt.started")
    ended = up.rows.events(first)[-1]
    assert waiting["seq"] < started["seq"]
    assert ended["at"] <= started["at"], "both worked on one server at a time"
    for name in up.servers:
        version = second_version if name in wanted else first_version
        assert up.fleet.version(name)["version"] == version
