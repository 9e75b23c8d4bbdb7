"""One rollout over a thousand targets: what the service adds to running the commands."""

from __future__ import annotations

import subprocess
import sys
import time
from uuid import UUID

import psutil
from django.contrib.auth.models import User

from jobs import commands
from jobs.access import visibility
from jobs.models import Job, Target
from ops.setup.clone import ROOT
from tests.benchmarks.jobs import workers
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

TARGETS = 1_000
BATCH = 50
COMMAND = ["echo", "done"]
EARLY = 0.2  # of the targets: the worker has all that it needs, and is measured from here
POLL_SECONDS = 0.25
PATIENCE_SECONDS = 600.0
MIB = 1024 * 1024


def rollout(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000 targets in one job, 50 at once, a real subprocess on each"""
    count = max(int(TARGETS * scale), BATCH)
    names = [f"bench-{number:04}" for number in range(count)]
    Target.objects.bulk_create(Target(name=name) for name in names)
    with testbed.bare() as connection, workers.running(workers.OURS, 1) as spent:
        [[backend]] = connection.execute("select pg_backend_pid()").fetchall()
        postmaster = psutil.Process(psutil.Process(int(str(backend))).ppid())
        worker = psutil.Process(spent.pids[0])
        _until(workers.submit("bench-noop", 1)[0], 0)
        service, database = _cpu(worker), _cpu(postmaster, *postmaster.children())
        job = _submit(names)
        _until(job, int(count * EARLY))
        early = worker.memory_info().rss
        _until(job, count)
        service = _cpu(worker) - service
        database = _cpu(postmaster, *postmaster.children()) - database
        late = worker.memory_info().rss
    bare = _bare(count)
    mine, other = (1000 * seconds / count for seconds in (service + database, bare))
    notes = {
        "worker's ms": 1000 * service / count,
        "Postgres's ms": 1000 * database / count,
        "events": Job.objects.get(pk=job).head,
    }
    memory = f"worker's memory at the end, to that at {EARLY:.0%}"
    return [
        Bar("CPU added to a step, ms", mine - other, "≤ 5", mine, other, "ms", notes),
        Bar(memory, late / early, "≤ 1.1", late / MIB, early / MIB, "MiB"),
    ]


def _submit(names: list[str]) -> UUID:
    user, _made = User.objects.update_or_create(username="bench", defaults={"is_superuser": True})
    params = {"targets": names, "command": COMMAND, "batch": BATCH, "canary": 1}
    return commands.submit(visibility.of_user(user), "command", params)[0].pk


def _until(job: UUID, done: int) -> None:
    """Wait until so many targets are done; until the job is, where that is all of them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        row = Job.objects.get(pk=job)
        if row.status in {"failed", "cancelled"}:
            raise AssertionError(f"The job ended as {row.status}: {row.message}")
        if row.done >= done and (done < row.total or row.finished_at):
            return
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"{done} targets were not done within {PATIENCE_SECONDS:.0f} s")


def _cpu(*processes: psutil.Process) -> float:
    """Return the seconds of CPU that these have taken, without their children."""
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def _bare(count: int) -> float:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.bare_commands",
        str(count),
        str(BATCH),
        *COMMAND,
    ]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(ran.stdout)
