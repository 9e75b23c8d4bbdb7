"""The sweeper's duties: each fails by itself; `/readyz` and the metrics tell of one not done."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from jobs import metrics, schedules
from jobs.feed import consumers
from jobs.feed.consumer_threads import ConsumerThreads
from jobs.management.commands import sweeper
from jobs.models import Consumer, Schedule
from jobs.models import Duty as Row
from jobs.queue import maintenance
from jobs.queue.maintenance import Duty
from ops.setup.clone import ROOT
from tests.support import bad_kinds
from tests.support.factories import make_user
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")


def ready() -> Any:
    return Client(headers={"Host": "localhost"}).get("/readyz").json()


def done(*names: str, ago: float = 0) -> None:
    """Have duties done well, that many seconds ago."""
    for name in names:
        Duty(name, lambda: None, 1).run_if_due()
    Row.objects.update(done_at=F("done_at") - timedelta(seconds=ago))


def values() -> dict[str, float]:
    lines = (line for line in metrics.text().decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_duty_that_raises_stops_no_other_and_says_so() -> None:
    well = threading.Event()
    errors = [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), bad_kinds.Unspeakable()]
    bad = [Duty(f"bad {number}", raising(error), 1) for number, error in enumerate(errors)]
    stop = threading.Event()
    threads = maintenance.start_duties([[*bad, Duty("good", well.set, 0.0)]], stop)
    assert well.wait(60)
    until(
        lambda: {one.name: one.failures for one in maintenance.duty_status()}.get("good") == 0,
        "good",
    )
    stop.set()
    for thread in threads:
        thread.join()
    found = {one.name: one for one in maintenance.duty_status()}
    assert [found[duty.name].failures > 0 for duty in bad] == [True] * len(bad)
    assert found["bad 0"].error == "SystemExit: 2"
    assert values()['reprise_duty_failures{duty="bad 0"}'] > 0
    assert values()['reprise_duty_failures{duty="good"}'] == 0


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


def test_a_duty_that_hangs_holds_up_only_those_of_its_thread() -> None:
    release, stop, well = threading.Event(), threading.Event(), threading.Event()
    hangs = Duty("hangs", release.wait, 1)
    threads = maintenance.start_duties([[hangs], [Duty("good", well.set, 0.1)]], stop)
    assert well.wait(60)
    until(lambda: [one.name for one in maintenance.duty_status()] == ["good"], "the other's note")
    stop.set()
    release.set()
    for thread in threads:
        thread.join()


def test_a_duty_that_loses_its_connection_is_noted_and_goes_on() -> None:
    cut = [True]

    def work() -> None:
        if cut.pop() if cut else False:
            with connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    duty = Duty("cut", work, 0)
    duty.run_if_due()
    assert [one.failures for one in maintenance.duty_status()] == [1]
    duty.due = 0
    duty.run_if_due()
    assert [one.failures for one in maintenance.duty_status()] == [0]


def test_without_a_sweeper_the_service_is_not_ready() -> None:
    told = ready()
    assert told["status"] == "not ready"
    assert "none has ever run here" in told["sweeper"]["problem"]
    assert values()["reprise_sweeper_late"] == 1


def test_with_a_sweeper_it_is_and_after_its_end_it_is_not() -> None:
    done("feed", "schedules")
    assert ready()["status"] == "ready"
    assert values()["reprise_sweeper_late"] == 0
    done(ago=15)
    assert ready()["sweeper"]["ok"] is True
    done(ago=24)
    told = ready()["sweeper"]
    assert told["problem"].startswith("feed, schedules: not done for ")
    assert told["problem"].endswith("s: does a sweeper run?")
    assert values()["reprise_sweeper_late"] == 1
    assert values()['reprise_duty_seconds{duty="feed"}'] >= 39


def test_a_duty_that_only_fails_is_late_too() -> None:
    done("feed")
    Duty("schedules", raising(ValueError("x")), 1).run_if_due()
    assert ready()["sweeper"]["problem"] == "schedules: not done: it fails"
    assert values()['reprise_duty_seconds{duty="schedules"}'] == -1


def test_failing_schedules_and_consumers_are_told_and_leave_it_ready() -> None:
    done("feed")
    assert "warning" not in ready()["schedules"]
    assert "warning" not in ready()["consumers"]
    owner = make_user()
    for name, failures in (('a "b"', 3), ("fine", 0)):
        one = Schedule(name=name, kind="load", cron="0 3 * * *", owner=owner, failures=failures)
        one.save()
    Consumer.objects.create(name="frail", failures=2)
    Consumer.objects.create(name="off", failures=2, enabled=False)
    told = ready()
    assert told["status"] == "ready"
    assert told["schedules"]["warning"] == "1 of 2 failing"
    assert told["consumers"]["warning"] == "frail: failing"
    found = values()
    assert found['reprise_schedule_failures{schedule="a \\"b\\""}'] == 3
    assert found["reprise_schedules_enabled"] == 2
    assert found['reprise_consumer_failures{consumer="frail"}'] == 2
    assert found['reprise_consumer_enabled{consumer="off"}'] == 0
    assert schedules.schedules_status().enabled == 2
    assert len(consumers.consumer_status()) == 2


def test_the_sweeper_does_all_of_its_duties_whatever_else_is_broken(
    database: str, redis: str, tmp_path: Path
) -> None:
    names = {
        duty.name
        for group in sweeper.duty_groups(ConsumerThreads(threading.Event()))
        for duty in group
    }
    Row.objects.create(name="of old", every=1)
    with sweeping(database, redis, tmp_path) as process:
        until(
            lambda: names == {one.name for one in maintenance.duty_status()}, lambda: log(tmp_path)
        )
        until(
            lambda: "no.such.CONSUMER" in {one.name for one in consumers.consumer_status()}, "a row"
        )
        assert ready()["sweeper"]["ok"] is True
        process.terminate()
        assert process.wait(60) == 0
    assert {one.failures for one in maintenance.duty_status()} == {0}


@contextmanager
def sweeping(database: str, redis: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a sweeper that is given a kind and a consumer that there are not."""
    env = {
        "DATABASE_URL": database, "REDIS_URL": redis, "REPRISE_STATE": str(folder),
        "REPRISE_KINDS": "no.such.Kind,tests.support.bad_exit.Kind",
        "REPRISE_CONSUMERS": "no.such.CONSUMER",
    }  # fmt: skip
    with (folder / "log").open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sweeper"],
            cwd=ROOT, env=os.environ | env, stdout=file, stderr=file,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def log(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")
