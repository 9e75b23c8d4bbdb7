"""The main job: 12 servers are updated, and nobody who follows misses anything."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.acceptance.followers import Plan, SseFollower
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.up import Up


@pytest.mark.parametrize("door", ["session", "token"])
async def test_an_update_is_missed_by_nobody_however_often_they_are_cut(
    up: Up, seed: int, door: str
) -> None:
    version, restarts = up.other_version(), restarts_of(up)
    healed, used = up.metric("poll_heals_total"), up.metric("hints_total", "used")
    web = up.web_pid()
    with up.browser() if door == "session" else up.client() as client:
        job = submitted_twice(client, up, version)

    plans = [Plan(seed, cuts=30, stretch=30), Plan(seed + 1, cuts=8, stretch=80), Plan(seed + 2)]
    followers = [each for plan in plans for each in on_every_transport(up, job, plan)]
    async with followed(up, followers):
        pass

    for follower in followers:
        assert follower.ended == "succeeded"
        assert follower.losses == 0, follower.lost
        assert follower.cuts >= follower.plan.cuts / 8, f"{follower}: {follower.cuts} cuts"
        if isinstance(follower, SseFollower):
            assert await follower.comes_back_after_the_end() == 204
    for name in up.servers:
        runs = up.fleet.version(name)
        assert (runs["version"], runs["restarts"]) == (version, restarts[name] + 1)
        assert not up.fleet.is_draining(name)
    told_the_same(up, job, version)
    # Live comes by the channel layer: with nothing broken, the poll has nothing to heal but what a
    # busy Valkey has not taken within a second.
    healed, used = up.metric("poll_heals_total") - healed, up.metric("hints_total", "used") - used
    assert 10 * healed < used, f"the poll healed {healed} times beside {used} hints"
    assert up.web_pid() == web


def submitted_twice(client: httpx.Client, up: Up, version: str) -> str:
    """Submit the update, and again under the same key, as after an answer that got lost."""
    params = {"servers": up.servers, "version": version, "batch": 4, "canary": 1}
    wish = {"kind": "version-update", "params": params}
    key = {"Idempotency-Key": str(uuid4())}
    first = client.post("/api/jobs", json=wish, headers=key)
    again = client.post("/api/jobs", json=wish, headers=key)
    assert (first.status_code, again.status_code) == (201, 200), first.text + again.text
    assert first.json()["id"] == again.json()["id"]
    other = {**wish, "params": params | {"batch": 3}}
    conflict = client.post("/api/jobs", json=other, headers=key)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")
    return str(first.json()["id"])


def restarts_of(up: Up) -> dict[str, int]:
    """Return how often each server was restarted, as it says itself."""
    return {name: up.fleet.version(name)["restarts"] for name in up.servers}


def told_the_same(up: Up, job: str, version: str) -> None:
    """The API's fold of the log says what the fleet says."""
    folded = up.job(job)
    assert (folded["status"], folded["done"], folded["failed"]) == ("succeeded", 12, 0)
    assert folded["message"] == f"12 servers run {version}."
    assert {step["status"] for step in folded["steps"]} == {"succeeded"}
    assert len(folded["steps"]) == 12 * 7
