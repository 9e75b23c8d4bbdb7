"""A run in its worker: its handler is called, and what becomes of it is the job's last event."""

from __future__ import annotations

from functools import partial
from typing import Any

from core.db import in_thread
from jobs.events import NewEvent
from jobs.kinds import registry
from jobs.kinds.kind import read_begun
from jobs.queue.leases import Lease
from jobs.run import Run, call_handler, outcome
from jobs.run.gates import wait_for_start
from jobs.secrets import field


async def ending_of(lease: Lease, run: Run) -> NewEvent:
    """Run the handler and return the event that ends the job; see `jobs.run.outcome`."""
    return await outcome.ending_of(run, partial(_run_handler, lease, run))


async def _run_handler(lease: Lease, run: Run) -> Any:
    kind = registry.get_kind(lease.kind)
    if lease.fresh:
        params = kind.read_own(lease.params)
    else:
        with run.noting_divergence():
            params = read_begun(kind, lease.params)
    await wait_for_start(run)
    run.vault.wanted.update(name for _, name in field.credential_names(params))
    if secrets := field.secret_names(params):
        await in_thread(run.vault.unlock, secrets)  # thousands of lines take a while
    result = await call_handler(kind.run, run, params)
    run.check_replayed()
    return result
