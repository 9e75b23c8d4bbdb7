"""Valkey goes away in mid-run: hints are lost, events are not."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from ops.embedded import valkey
from tests.acceptance.followers import Follower, Plan
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.up import Up, running
from tests.support.waiting import auntil

RATE = 40
FOR_EVER = 1_000_000
BEFORE_SECONDS = 3.0
OUTAGE_SECONDS = 10.0
TRIES = 10


class Cache:
    """A Valkey of the test's own, which can be taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = valkey.start(folder)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """No Valkey while the context lasts; an empty one afterwards."""
        self.server.stop()
        try:
            yield
        finally:
            url, self.server = self.server.url, valkey.start(self._folder)
            assert self.server.url == url, "it came back at another address"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A Valkey that takes connections and answers nothing while the context lasts."""
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.server.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def cache() -> Iterator[Cache]:
    """Valkey, not the copy's own."""
    with tempfile.TemporaryDirectory(prefix="reprise-valkey-") as folder:
        Path(folder).chmod(0o711)
        made = Cache(Path(folder))
        yield made
        made.server.stop()


@pytest.fixture(scope="module")
def dependent(cache: Cache) -> Iterator[Up]:
    """A copy that uses that Valkey."""
    with running({"REDIS_URL": cache.server.url}) as copy:
        yield copy


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_followers_and_appends_go_on_while_valkey_is(
    dependent: Up, cache: Cache, seed: int, how: str
) -> None:
    up = dependent
    load = up.submit("load", events=FOR_EVER, rate=RATE, bytes=100)
    steady = on_every_transport(up, load, Plan(seed))
    version = up.other_version()
    async with followed(up, steady):
        await auntil(lambda: min(len(each.texts) for each in steady) > RATE, "the load to run")
        before = await appended_a_second(up, load, steady, BEFORE_SECONDS)
        healed = up.metric("poll_heals_total")
        with getattr(cache, how)():
            # What people do meanwhile works too: an update is submitted, and runs.
            update = up.update(version)
            updated = on_every_transport(up, update, Plan(seed + 1, cuts=10))
            async with followed(up, updated):
                during = await appended_a_second(up, load, steady, OUTAGE_SECONDS)
        assert up.metric("poll_heals_total") > healed, "the poll had nothing to do: no outage?"
        await live_again(up, seed)
        with up.client() as client:
            assert client.post(f"/api/jobs/{load}/cancel").status_code == 202

    # One that was late before has caught up then, faster than it was asked to be.
    usual = min(before, RATE)
    assert during >= usual / 2, f"appends were held up: {during:.0f}/s after {before:.0f}/s"
    assert {each.ended for each in updated} == {"succeeded"}
    assert {each.ended for each in steady} == {"cancelled"}
    assert [each.lost for each in steady + updated if each.losses] == []
    assert all(up.fleet.version(name)["version"] == version for name in up.servers)


async def appended_a_second(
    up: Up, job: str, followers: Sequence[Follower], seconds: float
) -> float:
    """Follow for so long: whatever is appended reaches every follower; return how much it was."""
    began, first = time.monotonic(), up.rows.head(job)
    while time.monotonic() - began < seconds:
        goal = up.rows.head(job)
        await auntil(partial(have_come, followers, goal), f"everybody to come to event {goal}")
        await asyncio.sleep(0.1)
    return (up.rows.head(job) - first) / (time.monotonic() - began)


def have_come(followers: Sequence[Follower], goal: int) -> bool:
    """Return whether every follower has the event of this seq."""
    return all(len(each.texts) >= goal for each in followers)


async def live_again(up: Up, seed: int) -> None:
    """In the end live comes by hints again: a whole job during which the poll heals nothing."""
    for number in range(TRIES):
        healed, used = up.metric("poll_heals_total"), up.metric("hints_total", "used")
        job = up.submit("load", events=100, rate=50)
        async with followed(up, on_every_transport(up, job, Plan(seed + number))):
            pass
        quiet = up.metric("poll_heals_total") == healed
        if quiet and up.metric("hints_total", "used") > used:
            return
    raise AssertionError(f"the poll still heals after {TRIES} jobs")
