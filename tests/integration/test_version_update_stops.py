"""Version updates that are stopped, or whose worker is killed: nothing is left lying."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from jobs import commands
from jobs.models import Job
from jobs.queue import rescue
from ops.setup.clone import ROOT
from tests.integration.updates import Told, is_over, operator, submit, take_stock, work
from tests.support.fleet_process import RunningFleet, fleet
from tests.support.waiting import until

LEASE_SECONDS = 2.0
THREE = ["gs-001", "gs-002", "gs-003"]


@pytest.fixture
def running(database: str, redis: str, tmp_path: Path) -> Iterator[RunningFleet]:
    with fleet(tmp_path / "fleet", servers=3) as one:
        take_stock(one)
        yield one


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker process that is killed in the end, if not before."""
    config = settings.REPRISE
    own = {
        "DATABASE_URL": config.database_url,
        "REDIS_URL": config.redis_url,
        "REPRISE_STATE": str(config.state),
        "REPRISE_LEASE_SECONDS": str(LEASE_SECONDS),
        "REPRISE_CANCEL_GRACE_SECONDS": "0.5",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=ROOT, env=os.environ | own
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def has_come_to(job: UUID, head: int) -> bool:
    """Whether the log is that long, or the job over; delivers the job again where need be."""
    rescue.deliver_due()
    return Job.objects.get(pk=job).head >= head or is_over(job)


def restarted_within_the_record(running: RunningFleet, told: Told) -> bool:
    """Whether no server restarted more often than its steps restart and rollback started."""
    return all(
        running.version(name)["restarts"]
        <= sum(1 for step in told.steps("step.started", name) if step in {"restart", "rollback"})
        for name in running.servers
    )


def test_a_stopped_run_puts_back_what_it_began(running: RunningFleet) -> None:
    who = operator()
    running.fail("gs-001", "fetch", how="hang")
    running.fail("gs-002", "health", how="hang")
    job = submit(who, THREE, canary=0, batch=2)

    def stop() -> None:
        until(lambda: Told.of(job).steps("step.started", "gs-002")[-1:] == ["health"], "health")
        until(lambda: "hangs" in Told.of(job).output("gs-001", "fetch"), "the fetch")
        commands.cancel(who, job)

    with override_settings(REPRISE=settings.REPRISE.with_changes(cancel_grace_seconds=0.5)):
        [told] = work(job, meanwhile=stop)
    assert told.ending.type == "job.cancelled"
    assert told.ending.data["message"] == ("Stopped on request. 0 of 3 servers run 1.5.0 now.")
    for name in THREE:
        assert running.version(name)["version"] == "1.4.0"
        assert not running.is_draining(name)
    assert told.steps("step.succeeded", "gs-001")[-1] == "rollback"
    assert told.steps("step.succeeded", "gs-002")[-1] == "rollback"
    assert told.steps("step.started", "gs-003") == []
    assert restarted_within_the_record(running, told)


def test_a_run_that_was_stopped_and_then_lost_its_worker_puts_back_too(
    running: RunningFleet,
) -> None:
    who = operator()
    running.fail("gs-001", "switch", how="hang")
    job = submit(who, THREE)
    with worker():
        until(lambda: "hangs" in Told.of(job).output("gs-001", "switch"), "the switch")
    commands.cancel(who, job)
    with worker():
        until(lambda: has_come_to(job, sys.maxsize), "the end")
    told = Told.of(job)
    assert told.ending.type == "job.cancelled"
    assert told.steps("step.succeeded", "gs-001")[-1] == "rollback"
    assert not running.is_draining("gs-001")


def test_a_run_whose_workers_are_killed_ends_right_all_the_same(running: RunningFleet) -> None:
    chance = random.Random(2)
    running.fail("gs-002", "health")
    job = submit(operator(), THREE, batch=2, max_failures=3)
    for _ in range(3):
        with worker():
            head = Job.objects.get(pk=job).head + chance.randint(2, 25)
            until(partial(has_come_to, job, head), "the moment to kill")
    with worker():
        until(lambda: has_come_to(job, sys.maxsize), "the end")
    told = Told.of(job)
    assert told.state.summary.attempt > 1
    recorded = Counter((one.step, one.target) for one in told.of_type("step.succeeded"))
    assert set(recorded.values()) == {1}
    assert told.ending.data["failed_targets"] == ["gs-002"]
    assert [running.version(name)["version"] for name in THREE] == ["1.5.0", "1.4.0", "1.5.0"]
    done = [event.data["done"] for event in told.of_type("job.progressed")]
    assert done == sorted(done)
    assert done[-1] == 3
    assert restarted_within_the_record(running, told)
