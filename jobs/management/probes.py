"""`/healthz`, `/readyz` and `/metrics` of worker, sweeper and sealer, where a port is set."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence

from django.conf import settings
from django.core.management.base import CommandError

from core import clock
from core.probes import Probes, serve_probes
from core.readiness import Found, NotReady, check_database
from jobs.metrics import LogCollector
from jobs.models import Seal
from jobs.queue.backlog import BacklogCollector
from jobs.queue.maintenance import Duty
from jobs.worker.metrics import WorkerCollector
from jobs.worker.worker import Worker

# As of a worker's own view: past this share of a lease it ends its runs.
RENEWED_WITHIN = 0.7
QUERIES = {"database": check_database}


def add_port_argument(parser: ArgumentParser) -> None:
    """Let a command line say where to answer."""
    text = "port for /healthz, /readyz and /metrics (else REPRISE_HEALTH_PORT; 0: none)"
    parser.add_argument("--health-port", type=int, help=text)


def start_probes(probes: Probes, port: int | None) -> None:
    """Answer on a port from here on, if there is one; CommandError if it cannot be had."""
    config = settings.REPRISE
    chosen = config.health_port if port is None else port
    if not chosen:
        return
    try:
        serve_probes(probes, (config.health_bind, chosen))
    except (OSError, OverflowError) as error:
        where = f"{config.health_bind}:{chosen}"
        raise CommandError(f"Cannot listen on {where} for /readyz: {error}") from error


def worker_probes(worker: Worker) -> Probes:
    """Return what a worker tells: whether its database answers, its leases, how busy it is."""

    def check_leases() -> None:
        if (beats := worker.heartbeat) is None:
            raise NotReady("it has not begun to take jobs")
        if blocked := beats.blocked_seconds:
            raise NotReady(f"the event loop has been blocked for {blocked:.0f} s: see its log")
        silent = time.monotonic() - beats.renewed_at
        if silent > settings.REPRISE.lease_seconds * RENEWED_WITHIN:
            raise NotReady(f"not renewed for {silent:.0f} s: its runs are being handed over")

    def count_runs() -> Found:
        return {"running": worker.running, "capacity": worker.capacity}

    checks = {"leases": check_leases, "runs": count_runs}
    collectors = [WorkerCollector(worker)]
    return Probes(QUERIES, checks, collectors, lambda: worker.is_leaving)


def sweeper_probes(groups: Iterable[Sequence[Duty]], is_leaving: Callable[[], bool]) -> Probes:
    """Return what a sweeper tells: when it last did each duty well."""
    checks = {duty.name: _duty_check(duty) for group in groups for duty in group}
    collectors = (LogCollector(), BacklogCollector())
    return Probes(QUERIES, checks, collectors, is_leaving)


def sealer_probes(duty: Duty, is_leaving: Callable[[], bool]) -> Probes:
    """Return what a sealer tells: when it last looked, and the last seal."""
    queries = {**QUERIES, "last seal": _read_seal}
    return Probes(queries, {duty.name: _duty_check(duty)}, is_leaving=is_leaving)


def _duty_check(duty: Duty) -> Callable[[], Found]:
    def check() -> Found:
        seconds = round(time.monotonic() - duty.done_at, 1)
        if not duty.is_late:
            return {"seconds": seconds}
        why = "it hangs, or waits for one that does" if duty.well else "it fails: see the log"
        raise NotReady(f"not done for {seconds:.0f} s: {why}", seconds=seconds)

    return check


def _read_seal() -> Found:
    last = Seal.objects.order_by("-number").first()
    if last is None:
        return "there is none yet"
    hours = (clock.now() - last.at).total_seconds() / 3600
    told = {"number": last.number, "at": clock.rfc3339(last.at)}
    late = 0 < settings.REPRISE.seal_hours * 2 < hours
    return told | ({"warning": f"{hours:.0f} h old"} if late else {})
