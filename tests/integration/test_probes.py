"""Worker, sweeper and sealer answer `/healthz`, `/readyz` and `/metrics` at a port of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.test import override_settings

from core.probes import Probes
from jobs import commands
from jobs.access import visibility
from jobs.kinds import registry
from jobs.management.probes import sealer_probes, sweeper_probes
from jobs.models import Job
from jobs.queue.maintenance import LATE_SECONDS, Duty
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.chaos import kinds
from tests.support.factories import make_user
from tests.support.probed import KINDS, Probed, probed
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")


def submit(kind: str, **params: object) -> UUID:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=KINDS):
        who = visibility.of_user(make_user(staff=True))
        job = commands.submit(who, kind, params)[0].pk
    registry._find_kinds.cache_clear()
    return job


def test_a_worker_is_ready_and_says_when_it_leaves(database: str, tmp_path: Path) -> None:
    job = submit("test-brief", hang=True)
    with probed(database, tmp_path, "worker") as worker:
        until(lambda: worker.ready()["runs"]["running"] == 1, "the run")
        body = worker.ready()
        assert set(body) == {"status", "database", "leases", "runs"}
        assert {one["ok"] for one in body.values() if isinstance(one, dict)} == {True}
        assert worker.get("/elsewhere").status_code == 404
        assert httpx.head(f"{worker.url}/healthz", timeout=60).content == b""
        assert httpx.post(f"{worker.url}/readyz", timeout=60).status_code == 501
        before = worker.metrics()
        assert (before["reprise_worker_running"], before["reprise_worker_capacity"]) == (1, 32)
        assert before["reprise_worker_attempts_total{handed_over}"] == 0
        assert before["process_resident_memory_bytes"] > 0
        worker.process.terminate()
        until(lambda: fault(worker) == {"status": "going down"}, "its leaving")
    assert Job.objects.get(pk=job).status == "running"


def fault(worker: Probed) -> dict[str, Any] | None:
    """Return what a worker answers once it is not ready any more."""
    answer = worker.get("/readyz")
    return answer.json() if answer.status_code == 503 else None


def problem(worker: Probed, check: str) -> str:
    return str((fault(worker) or {}).get(check, {}).get("problem", ""))


def test_what_attempts_come_to_is_counted(database: str, tmp_path: Path) -> None:
    submit("test-brief")
    with probed(database, tmp_path, "worker") as worker:
        name = "reprise_worker_attempts_total{succeeded}"
        until(lambda: worker.metrics()[name] == 1, "its count")


def test_a_worker_whose_loop_is_blocked_is_not_ready(database: str, tmp_path: Path) -> None:
    submit("chaos-faulty", fault=kinds.BLOCK)
    with probed(database, tmp_path, "worker", REPRISE_LEASE_SECONDS="1") as worker:
        until(lambda: "blocked" in problem(worker, "leases"), "the fault")
        worker.ready()


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{ports.free()}/nothing"
    with probed(nowhere, tmp_path, "sweeper") as sweeper:
        until(lambda: problem(sweeper, "database") == "OperationalError", "the problem")
        assert "nobody" not in str(sweeper.said())
        assert sweeper.get("/metrics").status_code == 503


def test_a_sweeper_tells_of_each_duty(database: str, tmp_path: Path) -> None:
    with probed(database, tmp_path, "sweeper") as sweeper:
        body = sweeper.ready()
        assert {"feed", "schedules", "rescue", "consumers", "partitions"} <= set(body)
        assert body["feed"]["seconds"] < LATE_SECONDS
        found = sweeper.metrics()
    assert found["reprise_jobs{queued}"] == 0
    assert found["reprise_queue_lag_seconds"] == 0
    assert "reprise_feed_lag_seconds" in found


def read(probes: Probes) -> tuple[int, str]:
    status, _kind, body = probes.answer("/readyz")
    return status, body.decode()


def test_a_database_that_hangs_holds_up_nothing_else() -> None:
    back = threading.Event()

    def hang() -> None:
        back.wait()

    probes = Probes({"database": hang, "other": lambda: None}, {"own": lambda: None})
    for _ in range(2):
        _status, body = read(probes)
        found = json.loads(body)
        assert found["database"]["problem"] == found["other"]["problem"] == "no answer within 3 s"
        assert found["own"]["ok"] is True
    back.set()
    until(lambda: read(probes)[0] == 200, "its end")


def test_a_duty_that_is_late_is_named_with_why() -> None:
    def fail() -> None:
        raise ValueError("no")

    bad, good = Duty("bad", fail, 1), Duty("good", lambda: None, 1)
    for duty in (bad, good):
        duty.run_if_due()
    probes = sweeper_probes([[bad, good]], lambda: False)
    until(lambda: read(probes)[0] == 200, "a good answer")
    bad.done_at -= 2 * bad.every + LATE_SECONDS
    status, body = read(probes)
    assert status == 503
    assert "it fails" in body
    bad.done_at, good.done_at = good.done_at, bad.done_at
    assert "it hangs" in read(probes)[1]


def test_a_sealer_tells_of_the_last_seal(database: str, tmp_path: Path) -> None:
    duty = Duty("seals", lambda: None, 600)
    duty.run_if_due()
    probes = sealer_probes(duty, lambda: False)
    until(lambda: '"warning": "there is none yet"' in read(probes)[1], "the warning")
    make_user()
    with probed(database, tmp_path, "sealer") as sealer:
        body = until(
            lambda: got if "number" in (got := sealer.ready())["last seal"] else None, "a seal"
        )
    assert body["last seal"]["number"] == 1
    assert body["seals"]["ok"] is True


def test_a_queued_job_shows_in_the_backlog(database: str, tmp_path: Path) -> None:
    job = submit("test-brief")
    time_ago = time.time() - 60
    Job.objects.filter(pk=job).update(last_at=f"{time.strftime('%FT%TZ', time.gmtime(time_ago))}")
    with probed(database, tmp_path, "sweeper") as sweeper:
        found = sweeper.metrics()
    assert found["reprise_jobs{queued}"] == 1
    assert found["reprise_queue_lag_seconds"] > 50


def test_a_port_that_is_taken_stops_the_process_and_says_so(database: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = subprocess.run(
            [sys.executable, "manage.py", "sealer"], cwd=ROOT, capture_output=True, text=True,
            env=os.environ
            | {"DATABASE_URL": database, "REPRISE_STATE": str(tmp_path)}
            | {"REPRISE_HEALTH_PORT": str(taken.getsockname()[1])},
            check=False,
        )  # fmt: skip
    assert ran.returncode == 1
    assert "Cannot listen on 127.0.0.1:" in ran.stderr
