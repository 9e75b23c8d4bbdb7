"""Steer a job: cancel, pause, resume, approve, reject, signal. Each is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from core.errors import BadRequest, NotNow
from core.terminal import hidden_words
from jobs import log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import EventType, NewEvent, actions
from jobs.models import Job
from jobs.queue import claims, dispatch
from jobs.queue.dispatch import wake_jobs

MAX_REASON = 1000


def cancel(principal: Principal, job_id: UUID | str, reason: str = "") -> log.Appended:
    """Ask a job to stop; return the receipt of `job.cancel_requested`, which has the reason.

    A run stops between steps (a running step is ended after a grace), one that is parked or paused
    is delivered, to put back what it began; a job that has never run ends at once. Raises NotFound,
    Forbidden, NotNow, BadRequest (the reason is too long).
    """
    with _lock_job(principal, job_id) as job:
        event = NewEvent(EventType.JOB_CANCEL_REQUESTED, _reason_data(reason))
        actions.require_possible("cancel", job.status)
        asked = log.append(job.pk, [event], actor=principal.actor)
        held = Job.objects.filter(pk=job.pk, lease_until__gt=Now()).exists()
        if job.attempt and not held:
            dispatch.deliver_job(job.pk, priority=job.priority)
        elif not held:
            data = {"message": f"Stopped before it ran, by {principal.actor.partition(':')[2]}."}
            log.append(job.pk, [NewEvent(EventType.JOB_CANCELLED, data)], actor="system")
            wake_jobs(claims.release_targets(job.pk))
    return asked


def send_signal(
    principal: Principal, job_id: UUID | str, name: str, data: Any = None
) -> log.Appended:
    """Send a signal to a run that waits for it (`run.wait_for`); return the receipt.

    It is recorded as `job.resumed` with the signal's name and data (JSON). Raises NotFound,
    Forbidden, and NotNow if the job does not wait for a signal of this name.
    """
    with _lock_job(principal, job_id) as job:
        awaited = [wait["name"] for wait in job.waiting_for if wait.get("for") == "signal"]
        if not job.parked or name not in awaited:
            raise NotNow(f"The job does not wait for the signal {name!r}.", job_status=job.status)
        said = {"signal": name, "data": data}
        sent = log.append(job.pk, [NewEvent(EventType.JOB_RESUMED, said)], actor=principal.actor)
        dispatch.deliver_job(job.pk, priority=job.priority)
    return sent


def pause(principal: Principal, job_id: UUID | str, reason: str = "") -> log.Appended:
    """Pause a job; return the receipt of `job.paused`.

    A run finishes the steps in flight and begins no other; a job that has not begun stays where it
    is. Either keeps the targets that it has, or its place in their queues. Raises NotFound,
    Forbidden, NotNow (paused already, being stopped, over), BadRequest (the reason is too long).
    """
    with _lock_job(principal, job_id, "pause") as job:
        return _append_event(principal, job, EventType.JOB_PAUSED, reason)


def resume(principal: Principal, job_id: UUID | str, reason: str = "") -> log.Appended:
    """Let a paused job go on; return the receipt of `job.resumed`. Raises as `pause` does."""
    with _lock_job(principal, job_id, "resume") as job:
        said = _append_event(principal, job, EventType.JOB_RESUMED, reason)
        dispatch.deliver_job(job.pk)
        return said


def approve(
    principal: Principal, job_id: UUID | str, reason: str = "", gate: str | None = None
) -> log.Appended:
    """Let a job through the gate that it waits at; return the receipt of `job.approved`.

    `gate` names the gate that is meant, and must where several are open. Raises NotFound,
    Forbidden (`visibility.require_answer` says to whom), NotNow, BadRequest.
    """
    return _answer_gate(principal, job_id, "approve", EventType.JOB_APPROVED, reason, gate)


def reject(
    principal: Principal, job_id: UUID | str, reason: str = "", gate: str | None = None
) -> log.Appended:
    """Refuse a job that waits at a gate, whose run then fails; otherwise as `approve`."""
    return _answer_gate(principal, job_id, "reject", EventType.JOB_REJECTED, reason, gate)


def _answer_gate(
    principal: Principal,
    job_id: UUID | str,
    act: str,
    event_type: EventType,
    reason: str,
    name: str | None,
) -> log.Appended:
    with _lock_job(principal, job_id, act) as job:
        gate = _find_gate(job, name)
        visibility.require_answer(principal, job, gate)
        said = _append_event(principal, job, event_type, reason, gate=gate["gate"])
        dispatch.deliver_job(job.pk)
        return said


def _find_gate(job: Job, name: str | None) -> actions.Gate:
    """Return the open gate that is meant; NotNow if there is none, or more than one."""
    found = actions.open_gates(job.waiting_for)
    names = ", ".join(str(gate["gate"]) for gate in found)
    if not found:
        raise NotNow("The job is not waiting at a gate.", job_status=job.status)
    if name is not None:
        found = [gate for gate in found if gate["gate"] == name]
        if not found:
            raise NotNow(f"The job does not wait at the gate {name}, but: {names}.")
    if len(found) > 1:
        raise NotNow(f"The job waits at several gates. Name one of: {names}.")
    return found[0]


@contextmanager
def _lock_job(principal: Principal, job_id: UUID | str, act: str | None = None) -> Iterator[Job]:
    """Lock a job for a transaction; raises if the principal may not steer it, or `act` not now."""
    with transaction.atomic():
        job = visibility.lock_job_for(principal, job_id)
        visibility.require_act(principal, "steer", job)
        if act is not None:
            actions.require_possible(act, job.status)
        yield job


def _append_event(
    principal: Principal, job: Job, event_type: EventType, reason: str, **data: object
) -> log.Appended:
    event = NewEvent(event_type, {**data, "reason": "", **_reason_data(reason)})
    return log.append(job.pk, [event], actor=principal.actor)


def _reason_data(reason: str) -> dict[str, object]:
    """Return the data of an event with somebody's reason; BadRequest for one that does not fit."""
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise BadRequest(f"A reason has at most {MAX_REASON:,} characters.")
    if words := hidden_words(reason, kept="\t\n"):
        raise BadRequest(f"The reason: {words}")
    return {"reason": reason} if reason else {}
